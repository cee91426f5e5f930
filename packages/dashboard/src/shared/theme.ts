// Light or dark: the system's choice, until a person makes one.
import { signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const key = "tabgrad.theme";

/** Storage may be forbidden. */
function stored(): Theme {
  try {
    const value = localStorage.getItem(key);
    return value === "light" || value === "dark" ? value : "system";
  } catch {
    return "system";
  }
}

export const theme = signal<Theme>(stored());

export function setTheme(value: Theme): void {
  theme.value = value;
  applyTheme();
  try {
    localStorage.setItem(key, value);
  } catch {
    // Then it holds for this page only.
  }
}

/** Call once when a page begins. */
export function applyTheme(): void {
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
}
