// The way out for a page that came over plain http.

/** Where this page is over https: under the same name if there is such a link. */
export function httpsLink(links: readonly string[], hostname: string): string | undefined {
  const secure = links.filter((link) => new URL(link).protocol === "https:");
  return secure.find((link) => new URL(link).hostname === hostname) ?? secure[0];
}
