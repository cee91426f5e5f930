// Whether an element can be seen: on the screen, in a tab that is shown.
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

export function useVisible(element: { readonly current: Element | null }): ReadonlySignal<boolean> {
  const visible = useSignal(false);
  useEffect(() => {
    let near = false;
    const update = (): void => void (visible.value = near && document.visibilityState === "visible");
    // Begun a little before somebody scrolls there.
    const observer = new IntersectionObserver(
      (entries) => {
        near = entries[entries.length - 1].isIntersecting;
        update();
      },
      { rootMargin: "200px" },
    );
    if (element.current) observer.observe(element.current);
    document.addEventListener("visibilitychange", update);
    return () => {
      observer.disconnect();
      document.removeEventListener("visibilitychange", update);
    };
  }, [element, visible]);
  return visible;
}
