// How often those who watch are sent something.

/** Faster is not smoother: a person does not see it. */
const shortestMs = 100;
/** Slower is not live. */
const longestMs = 1_000;
/** Sending takes a socket some 10 to 50 µs: one viewer may cost that 100 times a second, and a hundred viewers together no more. */
const perViewerMs = 10;

/**
 * Milliseconds between two broadcasts to so many viewers: up to a hundred viewers cost at most 100 sends a second, and a thousand,
 * who is served once a second, a thousand.
 */
export const broadcastInterval = (viewers: number): number => Math.min(longestMs, Math.max(shortestMs, perViewerMs * viewers));
