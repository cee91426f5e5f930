/** How strong a cell of a heat map is for its share of the row, 0 to 1: in percent of the strongest. One among many is seen, too. */
export const tint = (share: number): number => (share > 0 ? Math.round(25 + 75 * Math.sqrt(share)) : 0);
