// The talking bust of the samples, with a second map made here: a bust and a curtain of hair where the page's own grids
// are.
import assert from "node:assert/strict";
import { test } from "node:test";
import { WithPageAsync } from "../../scripts/browser.mjs";
import { StartServerAsync } from "../../scripts/serve.mjs";

test("the talking bust speaks, breathes and swings its hair beside the character", async () => {
    const server = await StartServerAsync();
    try {
        await WithPageAsync({ width: 700, height: 500, limitMs: 560_000 }, async ({ page, consoleErrors }) => {
            await page.goto(`${server.url}/talkingBust/`);
            await page.waitForFunction(() => "ready" in document.documentElement.dataset, { polling: 500 });
            const seen = await page.evaluate(async () => {
                const { scene } = window.sample;
                const avatar = scene.transformNodes.find((node) => node.getClassName() === "FlexAvatar");
                Object.assign(avatar, { bust: "none", hair: "scalp" });
                const bare = avatar.gaussianCount;
                Object.assign(avatar, { bust: "auto", hair: "auto" });
                const texels = 208 * 208;
                const map = new Float32Array(14 * texels);
                map.fill(3, 3 * texels, 4 * texels); // opaque
                map.fill(Math.log(0.002), 7 * texels, 10 * texels); // 2 mm
                map.fill(1, 13 * texels); // not turned
                await avatar.setSecondMapAsync(map);
                const state = () => ({
                    jaw: avatar.expression.getTrack("jawOpen").influence,
                    chest: avatar.torso.position.y,
                    neck: avatar.neck.rotation.y,
                    hair: avatar._core.pose._spring.hanging[1],
                });
                // A spring rests over frames of more than half a second, as a slow machine has them: time runs slower
                // here.
                scene.animationTimeScale = 0.15;
                const states = [];
                for (
                    let seconds = 0;
                    seconds < 2 && states.length < 1000;
                    seconds += Math.min(0.5, scene.deltaTime / 1000)
                ) {
                    await new Promise((resolve) => scene.onAfterRenderObservable.addOnce(resolve));
                    states.push(state());
                }
                const withBust = avatar.gaussianCount;
                document.querySelectorAll("#controls input[type=checkbox]").forEach((box) => box.click());
                await new Promise((resolve) => setTimeout(resolve, 100)); // controls work one after the other
                return {
                    states,
                    bare,
                    withBust,
                    hidden: avatar.gaussianCount,
                    options: [avatar.bust, avatar.hair, avatar.hairSpring],
                };
            });
            for (const what of ["jaw", "chest", "neck", "hair"]) {
                assert.ok(
                    new Set(seen.states.map((state) => state[what])).size > 3,
                    `${what} stands still: ${JSON.stringify(seen.states)}`,
                );
            }
            assert.ok(seen.withBust > seen.bare + 30_000, `${seen.withBust} Gaussians`);
            assert.equal(seen.hidden, seen.bare);
            assert.deepEqual(seen.options, ["none", "scalp", null]);
            assert.deepEqual(consoleErrors, []);
        });
    } finally {
        await server.closeAsync();
    }
});
