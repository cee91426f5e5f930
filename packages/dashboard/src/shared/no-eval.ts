// Import this first where zod is used: it would try out `new Function` when its first schema is made, and the pages' policy forbids
// and reports that.
import { config } from "zod/v4/core";

config({ jitless: true });
