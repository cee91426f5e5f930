// Messages of errors as sentences of their own: elsewhere they follow a colon, and begin in lower case.
export function sentence(message: string): string {
  const begun = message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
