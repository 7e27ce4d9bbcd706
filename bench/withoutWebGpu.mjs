// How saved people look without WebGPU: `node bench/withoutWebGpu.mjs a.flexavatar b.flexavatar ...`. Draws each one as
// splats with WebGPU, and on a WebGL engine as the mesh that pages get, as Babylon's own splat mesh of the same pose,
// and as that without the driver's detail, which a page without WebGPU does not have. Pictures go to
// out/withoutWebGpu; decibels are against the splats. Needs built samples (`npm run build:samples`).
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WithDemoPageAsync } from "../tests/e2e/demoPage.mjs";

const folder = path.join(path.dirname(path.dirname(fileURLToPath(import.meta.url))), "out", "withoutWebGpu");
const files = process.argv.slice(2);
const size = 400;
/** Parts of the picture in which they are compared. */
const boxes = {
    face: { left: 0.32, top: 0.25, right: 0.68, bottom: 0.75 },
    mouth: { left: 0.4, top: 0.54, right: 0.6, bottom: 0.72 },
    all: {},
};
/** Tracks, and degrees that the camera goes around. */
const views = {
    rest: [{}, 0],
    "mouth open": [{ jawOpen: 0.6 }, 0],
    smile: [{ mouthSmileLeft: 0.8, mouthSmileRight: 0.8, jawOpen: 0.1 }, 0],
    "lids closed": [{ eyeBlinkLeft: 1, eyeBlinkRight: 1 }, 0],
    turned: [{}, 30],
    side: [{}, 75],
};

async function drawAsync(page, [tracks, degrees]) {
    return await page.evaluate(
        async (weights, yaw, px) => {
            const { flexDemo: demo, withoutWebGpu: other } = window;
            const set = ({ expression }) => {
                for (let i = 0; i < expression.numTargets; i++) {
                    const track = expression.getTarget(i);
                    track.influence = weights[track.name] ?? 0;
                }
            };
            demo.look(yaw, 0, demo.closeUpDistance);
            set(demo.avatar);
            set(other.avatar);
            const pictures = { webgpu: await demo.captureAsync(px) };
            await other.showSplatsAsync(null);
            pictures.mesh = await other.captureAsync(px);
            for (const [name, { avatar }] of Object.entries({ splats: demo, plain: other })) {
                const frozen = await avatar.toGaussianSplattingMeshAsync();
                await other.showSplatsAsync(frozen);
                frozen.dispose();
                pictures[name] = await other.captureAsync(px);
            }
            return pictures;
        },
        tracks,
        degrees,
        size,
    );
}

const timesOf = (page) =>
    page.evaluate(async () => {
        const { flexDemo: demo, withoutWebGpu: other } = window;
        await other.showSplatsAsync(null);
        const mesh = await other.measureFrameAsync();
        const posing = [];
        for (let i = 0; i < 4; i++) {
            posing.push(await other.measurePosingAsync());
        }
        const frozen = await demo.avatar.toGaussianSplattingMeshAsync();
        await other.showSplatsAsync(frozen);
        frozen.dispose();
        return { mesh, splats: await other.measureFrameAsync(), posing: Math.min(...posing) };
    });

mkdirSync(folder, { recursive: true });
const intercept = (address) => {
    const index = /^\/saved\/(\d+)$/.exec(address)?.[1];
    return index === undefined ? undefined : { body: readFileSync(files[index]) };
};
await WithDemoPageAsync({ intercept, limitMs: 580_000 }, async ({ page, server }) => {
    for (const [index, file] of files.entries()) {
        const name = path.basename(file, ".flexavatar");
        await page.evaluate(async (address) => {
            const { flexDemo: demo } = window;
            demo.show(await demo.component.loadAsync(address));
            demo.showAlone();
            window.withoutWebGpu = await demo.openWithoutWebGpuAsync();
        }, `${server.url}/saved/${index}`);
        for (const [view, what] of Object.entries(views)) {
            const pictures = await drawAsync(page, what);
            for (const [kind, url] of Object.entries(pictures)) {
                writeFileSync(
                    path.join(folder, `${name}-${view.replace(" ", "-")}-${kind}.png`),
                    Buffer.from(url.split(",")[1], "base64"),
                );
            }
            const cells = [];
            for (const [part, box] of Object.entries(boxes)) {
                for (const kind of ["mesh", "splats", "plain"]) {
                    const decibels = await page.evaluate(
                        (a, b, where) => window.pictures.psnrAsync(a, b, where),
                        pictures[kind],
                        pictures.webgpu,
                        box,
                    );
                    cells.push(`${part} ${kind} ${decibels.toFixed(1)}`);
                }
            }
            console.log(`${name} | ${view} | ${cells.join(" | ")}`);
        }
        const times = await timesOf(page);
        console.log(
            `${name} | ms | a frame as mesh ${times.mesh.toFixed(0)} | as splats ${times.splats.toFixed(0)} | ` +
                `posing all Gaussians ${times.posing.toFixed(0)}`,
        );
        await page.evaluate(() => window.withoutWebGpu.engine.dispose());
    }
});
