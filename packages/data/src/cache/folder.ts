// Where fetched files and shards on disk are kept, as each operating system has it.
import { homedir } from "node:os";
import { posix, win32 } from "node:path";

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** tabgrad's folder among this user's caches; need not be there yet. */
export function cacheFolder(
  { platform, env, home }: Surroundings = { platform: process.platform, env: process.env, home: homedir() },
): string {
  switch (platform) {
    case "win32":
      return win32.join(env["LOCALAPPDATA"] || win32.join(home, "AppData", "Local"), "tabgrad", "Cache");
    case "darwin":
      return posix.join(home, "Library", "Caches", "tabgrad");
    default: {
      // A relative one is to be passed over (XDG Base Directory Specification).
      const configured = env["XDG_CACHE_HOME"] ?? "";
      return posix.join(posix.isAbsolute(configured) ? configured : posix.join(home, ".cache"), "tabgrad");
    }
  }
}
