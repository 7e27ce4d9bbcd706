// One page for all tests of a file: of the harness, or of the built samples.
import { after, before } from "node:test";
import { WithPageAsync } from "../../scripts/browser.mjs";
import { StartServerAsync } from "../../scripts/serve.mjs";
import { InstallPictureTools, WithDemoPageAsync } from "./demoPage.mjs";

/**
 * Opens the harness before the tests of this file, and closes it after them.
 * @param prepare called once with what `WithDemoPageAsync` gives; the tests begin when it is done
 */
export function SharePage(prepare) {
    Share((work) => WithDemoPageAsync({ limitMs: 560_000 }, work), prepare);
}

/**
 * The same with a page that the samples are served to.
 * @param options of `WithPageAsync`, `intercept` of the server, or a function that makes them
 * @param prepare called once with what `WithPageAsync` gives and `server`
 */
export function ShareSamples(options, prepare) {
    Share(async (work) => {
        const { intercept, ...window } = typeof options === "function" ? await options() : options;
        const server = await StartServerAsync({ intercept });
        try {
            await WithPageAsync({ limitMs: 560_000, ...window }, (tools) => work({ ...tools, server }));
        } finally {
            await server.closeAsync();
        }
    }, prepare);
}

/** Goes to a sample, and waits until all of it can be drawn. Gives the page `window.pictures`. */
export async function GoToSampleAsync({ page, server }, name) {
    await page.goto(`${server.url}/${name}/index.html`);
    await page.waitForFunction(() => "ready" in document.documentElement.dataset, { polling: 200 });
    await page.evaluate(InstallPictureTools);
}

function Share(withPageAsync, prepare) {
    let close;
    let closed;
    before(
        () =>
            new Promise((resolve, reject) => {
                closed = withPageAsync(async (tools) => {
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
