// What a tab is called in the run: what its user called it last, or something to tell it from others.
const key = "tabgrad.name";

/** Characters that `Hello.name` may have. */
export const nameCharacters = 64;

/** Letters and digits that are not taken for each other. */
const alphabet = "abcdefghjkmnpqrstuvwxyz23456789";

export function initialName(): string {
  return checkedName(stored()) ?? `tab-${randomLetters(4)}`;
}

/** As it goes into the run; undefined for none, or one that is too long. */
export function checkedName(name: string): string | undefined {
  const trimmed = name.trim();
  const { length } = [...trimmed];
  return length >= 1 && length <= nameCharacters ? trimmed : undefined;
}

export function rememberName(name: string): void {
  try {
    localStorage.setItem(key, name);
  } catch {
    // Storage may be forbidden; then it holds for this page only.
  }
}

function stored(): string {
  try {
    return localStorage.getItem(key) ?? "";
  } catch {
    return "";
  }
}

const randomLetters = (count: number): string =>
  Array.from(crypto.getRandomValues(new Uint8Array(count)), (byte) => alphabet[byte % alphabet.length]).join("");
