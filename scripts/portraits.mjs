// A sheet of people as a page shows them: each photo becomes an avatar in headless Chromium, which is drawn from eight
// sides and with its head turned. For looking at, by whoever changes what the avatars are made of.
//
//   node scripts/portraits.mjs [--out=out/portraits] [--tile=288] [--again] folder, photos or saved avatars…
//
// Wants `npm run build:samples`. Avatars are kept in the folder, one `.flexavatar` a photo, and used by the next run
// unless that says --again.
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { WithPageAsync } from "./browser.mjs";
import { StartServerAsync } from "./serve.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
/** Azimuth of the camera and turn of the head, degrees. */
const Views = [
    ["front", 0, 0],
    ["45°", 45, 0],
    ["−45°", -45, 0],
    ["90°", 90, 0],
    ["−90°", -90, 0],
    ["behind", 180, 0],
    ["head turned by 40°", 0, 40],
    ["head turned by −40°", 0, -40],
];
/** Meters below the head's middle where the picture's middle is, and the picture's height there. */
const [LookDown, ViewHeight] = [0.07, 0.62];

const { values: options, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        out: { type: "string", default: path.join(root, "out", "portraits") },
        tile: { type: "string", default: "288" },
        again: { type: "boolean", default: false },
    },
});

/** People by name: a photo, a saved avatar or both. */
function peopleOf(paths) {
    const people = new Map();
    for (const entry of paths) {
        const files = statSync(entry).isDirectory()
            ? readdirSync(entry)
                  .sort()
                  .map((name) => path.join(entry, name))
            : [entry];
        for (const file of files) {
            const name = path.parse(file).name;
            if (/\.(jpe?g|png|webp)$/i.test(file)) {
                people.set(name, { ...people.get(name), photo: file });
            } else if (file.endsWith(".flexavatar")) {
                people.set(name, { ...people.get(name), avatar: file });
            }
        }
    }
    return people;
}

const people = peopleOf(positionals);
if (people.size === 0) {
    throw new Error("Name a folder of photos, photos or saved avatars.");
}
mkdirSync(options.out, { recursive: true });
for (const [name, person] of people) {
    const kept = path.join(options.out, `${name}.flexavatar`);
    person.avatar ??= existsSync(kept) && !options.again ? kept : undefined;
}

/** Runs in the page: the tiles of a person, and the avatar's file where it was made of the photo. */
async function drawAsync({ views, tilePx, lookDown, viewHeight, avatar, photo, label }) {
    const demo = window.flexDemo;
    const start = performance.now();
    if (avatar) {
        demo.show(await demo.component.loadAsync(avatar));
    } else {
        await demo.createAsync([photo]);
    }
    const ms = Math.round(performance.now() - start);
    const file = avatar ? null : await demo.saveAsDataUrlAsync();
    demo.showAlone();
    demo.stage.scene.clearColor.set(0.8, 0.81, 0.82, 1);
    const tiles = [{ label, picture: photo ?? (await demo.cropPictureAsync()) }];
    const { camera } = demo.stage;
    demo.avatar.position.y += lookDown;
    for (const [name, azimuth, turn] of views) {
        demo.pose();
        demo.avatar.neck.rotation.y = (turn * Math.PI) / 180;
        demo.look(azimuth, 0, viewHeight / (2 * Math.tan(camera.fov / 2)));
        tiles.push({ label: name, picture: await demo.captureAsync(tilePx) });
    }
    return { tiles, file, ms, gaussians: demo.avatar.gaussianCount };
}

const server = await StartServerAsync({
    // served by number: a name may hold anything
    intercept: (address) => {
        const [, kind, index] = /^\/people\/(photo|avatar)\/(\d+)$/.exec(address) ?? [];
        return kind ? { body: readFileSync([...people.values()][index][kind]) } : undefined;
    },
});
await WithPageAsync({ limitMs: 120_000 * (people.size + 1) }, async ({ page, consoleErrors }) => {
    await page.goto(`${server.url}/harness/`);
    await page.waitForFunction(() => window.flexDemo || !document.getElementById("message").hidden);
    const rows = [];
    const tilePx = Number(options.tile);
    for (const [index, [name, { avatar, photo }]] of [...people].entries()) {
        const addressOf = (kind) => `/people/${kind}/${index}`;
        try {
            const { tiles, file, ms, gaussians } = await page.evaluate(drawAsync, {
                views: Views,
                tilePx,
                lookDown: LookDown,
                viewHeight: ViewHeight,
                avatar: avatar && addressOf("avatar"),
                photo: photo && addressOf("photo"),
                label: name,
            });
            if (file) {
                const bytes = Buffer.from(file.slice(file.indexOf(",") + 1), "base64");
                writeFileSync(path.join(options.out, `${name}.flexavatar`), bytes);
            }
            rows.push(tiles);
            console.log(`${name}: ${file ? "made" : "opened"} in ${(ms / 1000).toFixed(1)} s, ${gaussians} Gaussians`);
        } catch (error) {
            console.log(`${name}: ${error.message.split("\n")[0]}`);
        }
    }
    const title = `${rows.length} people`;
    const sheet = await page.evaluate((...given) => window.flexDemo.composeSheetAsync(...given), title, rows, tilePx);
    const target = path.join(options.out, "sheet.png");
    writeFileSync(target, Buffer.from(sheet.slice(sheet.indexOf(",") + 1), "base64"));
    console.log(`Look at ${path.relative(process.cwd(), target)}`);
    consoleErrors.forEach((text) => console.log(`console: ${text}`));
});
await server.closeAsync();
process.exit(0);
