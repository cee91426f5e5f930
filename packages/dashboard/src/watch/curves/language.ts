// Import this before uPlot, which makes a number format of the browser's language when it is loaded. A browser started under the POSIX
// locale calls it "en-US@posix", which is no language tag, and the page would not come up.
try {
  new Intl.NumberFormat(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en" });
}
