// Lets a thread run TypeScript, for tests and development: `tsx` on the command line reaches the main thread only. Not in the build.
import { register } from "tsx/esm/api";

register();
