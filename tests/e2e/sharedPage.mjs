// One page of the harness for all tests of a file.
import { after, before } from "node:test";
import { WithDemoPageAsync } from "./demoPage.mjs";

/**
 * Opens the page before the tests of this file, and closes it after them.
 * @param prepare called once with what `WithDemoPageAsync` gives; the tests begin when it is done
 */
export function SharePage(prepare) {
    let close;
    let closed;
    before(
        () =>
            new Promise((resolve, reject) => {
                closed = WithDemoPageAsync({ limitMs: 560_000 }, async (tools) => {
                    await prepare(tools);
                    resolve();
                    await new Promise((finish) => (close = finish));
                });
                closed.catch(reject);
            }),
    );
    after(async () => {
        close?.();
        await closed;
    });
}
