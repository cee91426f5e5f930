// Whether something is in sight. An observer of one element may report several changes at once, when the page was busy in between:
// the last one holds.
export const isSeen = (sightings: readonly Pick<IntersectionObserverEntry, "isIntersecting">[]): boolean =>
  sightings.at(-1)?.isIntersecting ?? false;
