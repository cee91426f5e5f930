// Where the built pages are, for whoever serves them.
import { fileURLToPath } from "node:url";

export const pagesDirectory = fileURLToPath(new URL("./dist/", import.meta.url));
