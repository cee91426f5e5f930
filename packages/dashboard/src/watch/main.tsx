// The dashboard's entry.
import { render } from "preact";

render(<main>tabgrad</main>, document.getElementById("page")!);
