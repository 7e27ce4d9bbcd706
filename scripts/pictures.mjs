// Makes the pictures of the gallery, samples/assets/pictures/*.jpg, and the frames of the README's animation, out of
// the built samples and the bundled portrait:   node scripts/pictures.mjs [names of samples, or "animation"; default:
// all]   python3 scripts/animate.py        (needs Pillow) writes docs/images/talking.webp of the frames
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { WithPageAsync } from "./browser.mjs";
import { StartServerAsync } from "./serve.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const framesFolder = path.join(root, "out", "animation");
const panelPx = 352;
const [width, height] = [960, 720];
const framesPerSecond = 15;
const clipSeconds = 8;

/** What is done on a page before its picture is taken: values of its controls, by their labels. */
const settings = {
    clip: { Time: 0.54 },
    sliders: { Turn: -0.25 },
    mesh: { "Open the mouth": 0.5, Smile: 0.4 },
    character: { "Head turn, degrees": 25 },
    frameGraph: { "Black and white": 0.25 },
};

/** Runs in the page: `window.pictures`. */
function InstallTools() {
    const { engine, scene, camera } = window.sample;
    const canvas = engine.getRenderingCanvas();
    const decodeAsync = async (source) => {
        const image = Object.assign(new window.Image(), { src: source });
        await image.decode();
        return image;
    };
    const avatars = () => scene.transformNodes.filter((node) => node.getClassName() === "FlexAvatar");
    engine.stopRenderLoop();
    /** The scene as it is now, at `px` wide and `py` high, as an image. */
    const drawAsync = async (px, py) => {
        engine.setHardwareScalingLevel(1);
        engine.setSize(px, py);
        await Promise.all(avatars().map((avatar) => avatar.evaluateAsync()));
        await scene.whenReadyAsync();
        engine.beginFrame();
        scene.render();
        engine.endFrame();
        return decodeAsync(canvas.toDataURL());
    };
    /** What the page shows behind a canvas that is seen through. */
    const drawBackdrop = (context, x, y, w, h) => {
        const shade = context.createRadialGradient(
            x + w / 2,
            y + 0.38 * h,
            0,
            x + w / 2,
            y + 0.38 * h,
            0.75 * Math.max(w, h),
        );
        [
            ["#efece6", 0],
            ["#d8d3ca", 0.55],
            ["#bdb7ac", 1],
        ].forEach(([color, at]) => shade.addColorStop(at, color));
        context.fillStyle = shade;
        context.fillRect(x, y, w, h);
    };
    const createCanvas = (w, h) => {
        const picture = Object.assign(document.createElement("canvas"), { width: w, height: h });
        const context = picture.getContext("2d");
        context.imageSmoothingQuality = "high";
        return { picture, context };
    };
    window.pictures = {
        setControls(values) {
            for (const label of document.querySelectorAll("#controls label")) {
                const value = values[label.textContent];
                if (value !== undefined) {
                    const input = label.querySelector("input");
                    input.value = value;
                    input.dispatchEvent(new window.Event("input"));
                }
            }
        },
        /** A card of the gallery, as a JPEG; `inset` is the address of a picture to lay into its corner. */
        async cardAsync(px, py, inset) {
            const drawn = await drawAsync(px, py);
            const { picture, context } = createCanvas(480, 360);
            drawBackdrop(context, 0, 0, 480, 360);
            context.drawImage(drawn, 0, 0, 480, 360);
            if (inset) {
                context.fillStyle = "#fff";
                context.fillRect(14, 14, 118, 118);
                context.drawImage(await decodeAsync(inset), 18, 18, 110, 110);
            }
            for (let quality = 0.88; ; quality -= 0.04) {
                const url = picture.toDataURL("image/jpeg", quality);
                if (url.length * 0.75 < 38_000) {
                    return url;
                }
            }
        },
        /** A frame of the animation: the photo, and the avatar that talks and is looked at from changing sides. */
        async frameAsync(fraction, photo, edge) {
            window.pictures.setControls({ Time: fraction });
            camera.alpha = Math.PI / 2 + 0.55 * Math.sin(2 * Math.PI * fraction);
            camera.beta = 1.52 - 0.05 * Math.sin(4 * Math.PI * fraction);
            const drawn = await drawAsync(2 * edge, 2 * edge);
            const { picture, context } = createCanvas(2 * edge, edge);
            context.drawImage(await decodeAsync(photo), 0, 0, edge, edge);
            drawBackdrop(context, edge, 0, edge, edge);
            context.drawImage(drawn, edge, 0, edge, edge);
            return picture.toDataURL();
        },
    };
}

const saveDataUrl = (file, url) => writeFileSync(file, Buffer.from(url.slice(url.indexOf(",") + 1), "base64"));

/** Opens a sample with the saved person, or with the photo. */
async function openAsync(page, server, name, query) {
    await page.goto(`${server.url}/${name}/index.html${query}`);
    await page.waitForFunction(() => "ready" in document.documentElement.dataset, { polling: 200 });
}

async function makeCardAsync(page, server, { name }) {
    await openAsync(page, server, name, "?avatar=../saved.flexavatar");
    if (name === "studio") {
        await page.click("#make");
        await page.waitForSelector("#person:not([hidden])");
        await page.waitForSelector("#work[hidden]");
        await page.evaluate(() => {
            document.getElementById("neutral").click();
            const smile = document.querySelector("#face input");
            smile.value = 0.7;
            smile.dispatchEvent(new window.Event("input"));
        });
    }
    await new Promise((resolve) => setTimeout(resolve, 2500)); // clips have begun
    await page.evaluate(InstallTools);
    const inset = ["studio", "photo"].includes(name) ? "../assets/astronaut.png" : null;
    const url = await page.evaluate(
        async (values, ...size) => {
            window.pictures.setControls(values);
            await new Promise((resolve) => setTimeout(resolve, 200));
            return window.pictures.cardAsync(...size);
        },
        settings[name] ?? {},
        width,
        height,
        inset,
    );
    saveDataUrl(path.join(root, "samples", "assets", "pictures", `${name}.jpg`), url);
}

async function makeFramesAsync(page, server) {
    rmSync(framesFolder, { recursive: true, force: true });
    mkdirSync(framesFolder, { recursive: true });
    await openAsync(page, server, "clip", "?avatar=../saved.flexavatar");
    await page.evaluate(InstallTools);
    const frames = clipSeconds * framesPerSecond;
    for (let frame = 0; frame < frames; frame++) {
        const url = await page.evaluate(
            (...values) => window.pictures.frameAsync(...values),
            frame / frames,
            "../assets/astronaut.png",
            360,
        );
        saveDataUrl(path.join(framesFolder, `${String(frame).padStart(3, "0")}.png`), url);
    }
}

const samples = JSON.parse(readFileSync(path.join(root, "samples", "samples.json"), "utf8"));
const wanted = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.includes(name);
let saved;
const server = await StartServerAsync({
    intercept: (address) => (address === "/saved.flexavatar" ? { body: saved } : undefined),
});
await WithPageAsync({ width: width + panelPx, height, limitMs: 1_800_000 }, async ({ page }) => {
    await openAsync(page, server, "photo", "");
    const base64 = await page.evaluate(async () => {
        const avatar = window.sample.scene.transformNodes.find((node) => node.getClassName() === "FlexAvatar");
        const reader = new window.FileReader();
        reader.readAsDataURL(new window.Blob([await avatar.saveAsync()]));
        await new Promise((resolve) => (reader.onload = resolve));
        return reader.result.slice(reader.result.indexOf(",") + 1);
    });
    saved = Buffer.from(base64, "base64");
    for (const sample of samples.filter(({ name }) => isWanted(name))) {
        await makeCardAsync(page, server, sample);
        console.log(sample.name);
    }
    if (isWanted("animation")) {
        await makeFramesAsync(page, server);
        console.log(`frames in ${path.relative(root, framesFolder)}`);
    }
});
await server.closeAsync();
process.exit(0);
