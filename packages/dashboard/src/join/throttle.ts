// Doing something at most so often, however often it is asked for: at once where it was long ago, else when its time has come.
export interface ThrottleClock {
  now(): number;
  /** Calls `fire` after `ms`. */
  timer(ms: number, fire: () => void): void;
}

/** @returns what asks for `act`, at most every `everyMs` milliseconds; the last request is never lost */
export function throttle(everyMs: number, clock: ThrottleClock, act: () => void): () => void {
  let last = -Infinity;
  let isArmed = false;
  const fire = (): void => {
    isArmed = false;
    last = clock.now();
    act();
  };
  return () => {
    if (isArmed) return;
    const wait = last + everyMs - clock.now();
    if (wait <= 0) return fire();
    isArmed = true;
    clock.timer(wait, fire);
  };
}
