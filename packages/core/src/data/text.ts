// The tokens of a text dataset: what whoever asks the model has to know to turn a prompt into numbers, and numbers into text.

export interface TextDescription {
  /** The text of each token, by its number. */
  readonly vocabulary: readonly string[];
  /**
   * Byte-pair tokens only: pairs of tokens that become one, the first one first, each as the texts of the two. Characters are tokens of
   * their own without it.
   */
  readonly merges?: readonly (readonly [string, string])[];
}
