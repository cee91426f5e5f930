// The join page's entry.
import { render } from "preact";

render(<main>Join tabgrad</main>, document.getElementById("page")!);
