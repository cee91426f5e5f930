// Removes what the commands of this repository wrote, except node_modules and the runs that somebody trained.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const cwd = fileURLToPath(new URL("..", import.meta.url));
// Whatever git ignores is made by a command. `-x` would take untracked files as well.
execFileSync("git", ["clean", "-d", "-X", "--force", "--exclude=!node_modules", "--exclude=!runs"], { cwd, stdio: "inherit" });
