// Where this user's settings are kept, as each operating system has it.
import { posix, win32 } from "node:path";

export interface Surroundings {
  readonly platform: NodeJS.Platform;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
}

/** tabgrad's folder among them; need not be there yet. */
export function settingsFolder({ platform, env, home }: Surroundings): string {
  switch (platform) {
    case "win32":
      return win32.join(env["APPDATA"] || win32.join(home, "AppData", "Roaming"), "tabgrad");
    case "darwin":
      return posix.join(home, "Library", "Application Support", "tabgrad");
    default: {
      // A relative one is to be passed over (XDG Base Directory Specification).
      const configured = env["XDG_CONFIG_HOME"] ?? "";
      return posix.join(posix.isAbsolute(configured) ? configured : posix.join(home, ".config"), "tabgrad");
    }
  }
}
