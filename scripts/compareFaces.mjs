// Compares the faces that the library finds with MediaPipe's own: `node scripts/compareFaces.mjs [folder or files…]`.
// Without arguments: the bundled portrait. Both sides run in one page, on the same pixels. `--fixture` writes what
// MediaPipe sees in the bundled portrait into tests/fixtures/faces.json instead.
import { existsSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import webpack from "webpack";
import { resolve, rules } from "../webpack.config.js";
import { WithPageAsync } from "./browser.mjs";
import { StartServerAsync } from "./serve.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const CropPx = 256;

/** Photos below the paths given. */
function photosOf(paths) {
    return paths
        .flatMap((entry) =>
            statSync(entry).isDirectory() ? readdirSync(entry).map((name) => path.join(entry, name)) : [entry],
        )
        .filter((file) => /\.(jpe?g|png|webp)$/i.test(file))
        .sort();
}

/**
 * Opens the page with both sides started; `work` gets `(method, ...arguments)`, photos being addressed as
 * /photo/<index>.
 */
async function withBothSidesAsync(photos, work) {
    const output = mkdtempSync(path.join(tmpdir(), "flex-faces-"));
    const config = {
        mode: "development",
        devtool: false,
        entry: path.join(root, "tests/comparison/page.ts"),
        output: { path: output, filename: "page.js" },
        module: { rules },
        resolve,
    };
    await new Promise((done, fail) =>
        webpack(config, (error, stats) =>
            error || stats.hasErrors() ? fail(error ?? new Error(stats.toString("errors-only"))) : done(),
        ),
    );
    const intercept = (pathname) => {
        const photo = photos[Number(pathname.match(/^\/photo\/(\d+)/)?.[1] ?? -1)];
        if (photo) {
            return { body: readFileSync(photo) };
        }
        if (pathname === "/page.html") {
            return { body: '<!doctype html><script src="/page.js"></script>' };
        }
        const built = path.join(output, path.basename(pathname));
        return path.dirname(pathname) === "/" && existsSync(built) ? { body: readFileSync(built) } : undefined;
    };
    const server = await StartServerAsync({ folder: root, intercept });
    try {
        return await WithPageAsync({ limitMs: 1_800_000 }, async ({ page }) => {
            await page.goto(`${server.url}/page.html`);
            await page.evaluate(async () => void (window.sides = await window.startAsync()));
            return await work((method, ...values) =>
                page.evaluate((name, list) => window.sides[name](...list), method, values),
            );
        });
    } finally {
        await server.closeAsync();
    }
}

/** Mean, 95th percentile and largest of numbers, for people. */
function spread(values, digits = 3) {
    const sorted = [...values].sort((a, b) => a - b);
    const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
    const text = (value) => value.toFixed(digits);
    return `mean ${text(mean)}, 95th ${text(sorted[Math.floor(0.95 * (sorted.length - 1))])}, worst ${text(sorted.at(-1))} of ${sorted.length}`;
}

/** Distances of points x, y, x, y, … in the list's unit. */
function distancesOf(a, b) {
    return Array.from({ length: a.length / 2 }, (_, i) => Math.hypot(a[2 * i] - b[2 * i], a[2 * i + 1] - b[2 * i + 1]));
}

const meanOf = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

async function compareAsync(photos) {
    await withBothSidesAsync(photos, async (call) => {
        const names = {
            upright: {},
            "turned by 90": { turns: 1 },
            "turned by 180": { turns: 2 },
            small: { share: 0.4 },
            "very small": { share: 0.2 },
        };
        for (const [name, show] of Object.entries(names)) {
            const [distances, worst, differing, times] = [[], [], [], { ours: [], theirs: [] }];
            let found = 0;
            for (const index of photos.keys()) {
                const { ours, theirs } = await call("seeAsync", `/photo/${index}.png`, show);
                times.ours.push(ours.ms);
                times.theirs.push(theirs.ms);
                if (ours.faces.length !== theirs.faces.length) {
                    differing.push(`${path.basename(photos[index])} ${ours.faces.length}/${theirs.faces.length}`);
                    continue;
                }
                found += theirs.faces.length > 0 ? 1 : 0;
                theirs.faces.forEach((face, k) => {
                    const edge = Math.max(
                        ...[0, 1].map((axis) => Math.max(...every(face, axis)) - Math.min(...every(face, axis))),
                    );
                    const away = distancesOf(ours.faces[k], face).map((distance) => (distance / edge) * 100);
                    distances.push(meanOf(away));
                    worst.push(Math.max(...away));
                });
            }
            console.log(
                `${name}: a face in ${found} of ${photos.length}, other counts (ours/theirs): ${differing.join(", ") || "none"}`,
            );
            if (distances.length > 0) {
                console.log(`  % of the face, per photo mean: ${spread(distances)}; worst landmark: ${spread(worst)}`);
            }
            console.log(`  ms ours: ${spread(times.ours, 0)}; theirs: ${spread(times.theirs, 0)}`);
        }
        const [distances, points, times] = [[], [], { ours: [], theirs: [] }];
        for (const index of photos.keys()) {
            let sides;
            try {
                sides = await call("prepareAsync", `/photo/${index}.png`);
            } catch (error) {
                console.log(`  ${path.basename(photos[index])}: ${error.message.split("\n")[0]}`);
                continue;
            }
            const { ours, theirs } = sides;
            const away = distancesOf(ours.landmarks, theirs.landmarks).map(
                (distance) => (distance / theirs.side) * CropPx,
            );
            distances.push(meanOf(away));
            points.push(...away);
            times.ours.push(ours.ms);
            times.theirs.push(theirs.ms);
        }
        console.log(
            `photo path, pixels of ${CropPx}, per photo mean: ${spread(distances)}; single landmarks: ${spread(points)}`,
        );
        console.log(`  ms ours: ${spread(times.ours, 0)}; theirs: ${spread(times.theirs, 0)}`);
    });
}

const every = (points, axis) => points.filter((_, i) => i % 2 === axis);

const portrait = path.join(root, "samples/assets/astronaut.png");
const paths = process.argv.slice(2);
if (paths[0] === "--fixture") {
    const seen = await withBothSidesAsync([portrait], (call) => call("fixtureAsync", "/photo/0.png"));
    writeFileSync(path.join(root, "tests/fixtures/faces.json"), `${JSON.stringify(seen)}\n`);
} else {
    await compareAsync(photosOf(paths.length > 0 ? paths : [portrait]));
}
