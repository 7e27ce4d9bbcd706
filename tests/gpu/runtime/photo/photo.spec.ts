import { FlexAvatarError } from "../../../../src/flame/error";
import { ModelRuntime } from "../../../../src/runtime/models/modelRuntime";
import { FaceFinder } from "../../../../src/runtime/photo/faceFinder";
import { ResizeMap, type IPicture } from "../../../../src/runtime/photo/picture";
import {
    PrepareBackAsync,
    PreparePhotoAsync,
    type IPhotoSettings,
    type IPreparedPhoto,
} from "../../../../src/runtime/photo/preparePhoto";
import { PhotoFromCrop } from "../../../../src/runtime/photo/crop";
import { WideCropOf, type IWideCrop } from "../../../../src/runtime/photo/wideCrop";
import type { PhotoSource } from "../../../../src/runtime/photo/decode";

const Portrait = "/repo/samples/assets/astronaut.png";
const NetworksSettings = { modelsUrl: "/repo/assets/models/", runtimeUrls: "/repo/node_modules/onnxruntime-web/dist/" };
/** Set before the first test. */
let Settings: IPhotoSettings;

/** What MediaPipe's own packages see in the portrait: `node scripts/compareFaces.mjs --fixture`. */
interface ISeenByMediaPipe {
    /** [478,3] pixels, rounded to 0.001. */
    landmarks: number[];
}

/**
 * Written by training/classes/write_fixture.py: a drawn head and shoulders, and what the network of assets/models/face
 * sees there.
 */
interface IPersonFixture {
    size: number;
    /** Each so many rows and columns of the maps are kept, from the middle of the first so many. */
    step: number;
    /** [size,size,3] bytes. */
    image: number[];
    mask: number[];
    hair: number[];
    skin: number[];
    clothes: number[];
}

/**
 * Corners of the eyes and of the mouth in the 512×512 portrait, read off the picture by eye to 3 pixels: right eye,
 * left eye, mouth.
 */
const ByEye: [number, [number, number]][] = [
    [33, [196, 101]],
    [263, [255, 105]],
    [61, [202, 140]],
    [291, [245, 141]],
];

async function PortraitCanvas(
    width = 512,
    height = 512,
    draw?: (context: CanvasRenderingContext2D, image: ImageBitmap) => void,
): Promise<HTMLCanvasElement> {
    const image = await createImageBitmap(await (await fetch(Portrait)).blob());
    const canvas = document.createElement("canvas");
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d")!;
    context.fillStyle = "#667788";
    context.fillRect(0, 0, width, height);
    if (draw) {
        draw(context, image);
    } else {
        context.drawImage(image, 0, 0, width, height);
    }
    return canvas;
}

function ToBlob(canvas: HTMLCanvasElement, type = "image/png"): Promise<Blob> {
    return new Promise((resolve) => canvas.toBlob((blob) => resolve(blob!), type, 0.95));
}

/** Puts an EXIF segment with one tag, Orientation, right behind a JPEG's start marker. */
async function WithOrientation(jpeg: Blob, orientation: number): Promise<Blob> {
    const tiff = [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0];
    const content = [0x45, 0x78, 0x69, 0x66, 0, 0, ...tiff];
    const segment = [0xff, 0xe1, 0, content.length + 2, ...content];
    const bytes = new Uint8Array(await jpeg.arrayBuffer());
    return new Blob([bytes.slice(0, 2), Uint8Array.from(segment), bytes.slice(2)], { type: "image/jpeg" });
}

async function CodeOf(source: PhotoSource, settings: Partial<IPhotoSettings> = {}): Promise<string> {
    return PreparePhotoAsync(source, { ...Settings, ...settings }).then(
        () => "no error",
        (error: unknown) => (error instanceof FlexAvatarError ? error.code : `not ours: ${String(error)}`),
    );
}

/** Largest distance of two landmark sets, in parts of the crop. */
function Distance(a: IPreparedPhoto, b: IPreparedPhoto): number {
    let worst = 0;
    for (let i = 0; i < a.landmarks.length; i += 3) {
        worst = Math.max(worst, Math.hypot(a.landmarks[i] - b.landmarks[i], a.landmarks[i + 1] - b.landmarks[i + 1]));
    }
    return worst;
}

describe("photo path", () => {
    let networks: ModelRuntime;
    let portrait: IPreparedPhoto;

    beforeAll(async () => {
        networks = await ModelRuntime.CreateAsync({ ...NetworksSettings, backend: "wasm" });
        Settings = { cropPx: 256, faces: new FaceFinder(networks) };
        portrait = await PreparePhotoAsync(Portrait, Settings);
    });

    afterAll(() => networks.dispose());

    it("sees the landmarks that MediaPipe sees", async () => {
        const seen = (await (await fetch("/repo/tests/fixtures/faces.json")).json()) as ISeenByMediaPipe;
        const context = (await PortraitCanvas()).getContext("2d")!;
        const picture: IPicture = context.getImageData(0, 0, 512, 512);
        const [face, ...others] = await Settings.faces.findFacesAsync(picture);
        expect(others.length).toBe(0);
        expect(seen.landmarks.length).toBe(face.length);
        const worst = face.reduce((most, value, i) => Math.max(most, Math.abs(512 * value - seen.landmarks[i])), 0);
        // Pixels; measured 0.39, as larger kernels are rounded to bytes, and 0.003 before.
        expect(worst).toBeLessThan(0.6);
    });

    it("sees the person, hair, skin and clothes that Python sees", async () => {
        const { size, step, image, ...seen } = (await (
            await fetch("/repo/tests/fixtures/person.json")
        ).json()) as IPersonFixture;
        const data = Uint8ClampedArray.from({ length: 4 * size * size }, (_, i) =>
            i % 4 === 3 ? 255 : image[3 * (i >> 2) + (i % 4)],
        );
        const found = await Settings.faces.findPersonAsync({ data, width: size, height: size });
        const [hair, skin, clothes] = found.classes!;
        for (const [name, map] of Object.entries({ mask: found.mask, hair, skin, clothes })) {
            const wanted = seen[name as keyof typeof seen];
            const across = found.size / step;
            expect(wanted.length)
                .withContext(name)
                .toBe(across ** 2);
            expect(wanted.some((value) => value > 0.9) && wanted.some((value) => value < 0.1))
                .withContext(`${name} tells something`)
                .toBeTrue();
            const away = wanted.map((value, i) => {
                const [row, column] = [Math.floor(i / across), i % across].map((at) => step * at + step / 2);
                return Math.abs(map[found.size * row + column] - value);
            });
            expect(Math.max(...away))
                .withContext(name)
                .toBeLessThan(1e-3);
        }
    });

    it("sees the same where ONNX Runtime is there for WebGPU: faces stay on the processor", async () => {
        const device = await (await navigator.gpu.requestAdapter())!.requestDevice();
        const onDevice = await ModelRuntime.CreateAsync({ ...NetworksSettings, backend: "webgpu", device });
        const picture = (await PortraitCanvas()).getContext("2d")!.getImageData(0, 0, 512, 512);
        const [face] = await new FaceFinder(onDevice).findFacesAsync(picture);
        expect(onDevice.backend).toBe("webgpu");
        const [same] = await Settings.faces.findFacesAsync(picture);
        expect(face.every((value, i) => Math.abs(value - same[i]) < 1e-5)).toBeTrue();
        onDevice.dispose();
        device.destroy();
    });

    it("finds about where the head is without its face, as in a photo from behind", async () => {
        const covered = await PortraitCanvas(512, 512, (context, image) => {
            context.drawImage(image, 0, 0);
            context.fillStyle = "#4a2f1c"; // hair
            context.ellipse(226, 112, 62, 72, 0, 0, 2 * Math.PI);
            context.fill();
        });
        const back = await PrepareBackAsync(covered, Settings);
        const { crop } = portrait;
        const { size, pixels, person } = back as IWideCrop;
        expect(pixels.length).toBe(4 * size * size);
        const mask = ResizeMap(person.mask, person.size, size);
        // The head is in the middle. Of hair that is painted flat the networks are half sure.
        expect(mask[(size >> 1) * size + (size >> 1)]).toBeGreaterThan(0.4);
        expect(mask[0]).toBeLessThan(0.1);
        // columns of the photo: the wide crop is about twice the face's
        const shown = pixels
            .subarray(2 * size * size, 2 * size * size + 4 * size)
            .filter((v, i) => i % 4 === 3 && v > 0);
        const sidePx = (512 * size) / shown.length;
        expect(sidePx / (2 * crop.sidePx)).toBeGreaterThan(0.6);
        expect(sidePx / (2 * crop.sidePx)).toBeLessThan(1.6);
        const empty = new OffscreenCanvas(256, 256);
        empty.getContext("2d")!.fillRect(0, 0, 256, 256);
        expect(await PrepareBackAsync(empty, Settings)).toBe("no-person");
    });

    it("takes no photo for one from behind that shows a face, or a head of some pixels", async () => {
        expect(await PrepareBackAsync(Portrait, Settings)).toBe("face");
        const farAsync = (edge: number): Promise<HTMLCanvasElement> =>
            PortraitCanvas(512, 512, (context, image) => {
                context.fillStyle = "#ddd";
                context.fillRect(0, 0, 512, 512);
                context.drawImage(image, 100, 0, 300, 300, 220, 180, edge, edge);
            });
        // a matte may take the small picture with its own background for the person
        expect(["small", "no-person", "face"]).toContain(
            (await PrepareBackAsync(await farAsync(60), Settings)) as string,
        );
        expect(["small", "no-person"]).toContain((await PrepareBackAsync(await farAsync(40), Settings)) as string);
    });

    it("gives a wider crop of the same photo where it is asked for, with what is outside marked, and the person in it", async () => {
        expect(portrait.wide).toBeUndefined();
        const { wide, crop } = await PreparePhotoAsync(Portrait, { ...Settings, wide: true });
        const { size, pixels, person } = wide!;
        expect(size).toBe(512); // the portrait has fewer
        const photo = (await PortraitCanvas()).getContext("2d")!.getImageData(0, 0, 512, 512).data;
        const wider = WideCropOf(crop);
        const mask = ResizeMap(person.mask, person.size, size);
        let [outside, off, count] = [0, 0, 0];
        for (let i = 0; i < size * size; i++) {
            const [x, y] = PhotoFromCrop(wider, ((i % size) + 0.5) / size, (Math.floor(i / size) + 0.5) / size);
            const isInside = Math.min(x, y, 512 - x, 512 - y) > 2;
            outside += Number(Math.min(x, y, 512 - x, 512 - y) < 0);
            expect(isInside && pixels[4 * i + 3] !== 255).toBe(false);
            if (isInside) {
                count++;
                off += Math.abs(pixels[4 * i] - photo[4 * (512 * Math.floor(y) + Math.floor(x))]);
            }
        }
        expect(off / count).toBeLessThan(8); // of 255: smoothed; 45 a tenth of the crop away
        expect(pixels.filter((value, i) => i % 4 === 3 && value === 0).length).toBeGreaterThan(0.9 * outside);
        const at = (u: number, v: number): number => mask[Math.floor(v * size) * size + Math.floor(u * size)];
        // face, body, above the hair
        expect([at(0.5, 0.5), at(0.5, 0.75), at(0.5, 0.02)].map(Math.round)).toEqual([1, 1, 0]);
    });

    it("finds the landmarks of the bundled portrait where a person sees them", () => {
        const { crop, landmarks } = portrait;
        expect(landmarks.length).toBe(478 * 3);
        for (const [index, [x, y]] of ByEye) {
            const dx = (landmarks[3 * index] - 0.5) * crop.sidePx;
            const dy = (landmarks[3 * index + 1] - 0.5) * crop.sidePx;
            const photoX = crop.centerX + crop.cosRoll * dx - crop.sinRoll * dy;
            const photoY = crop.centerY + crop.sinRoll * dx + crop.cosRoll * dy;
            expect(Math.hypot(photoX - x, photoY - y))
                .withContext(`landmark ${index}`)
                .toBeLessThan(4);
        }
        expect(portrait.faceCount).toBe(1);
        expect(portrait.notices).toEqual([]);
        expect(portrait.sourceSize).toEqual({ width: 512, height: 512 });
    });

    it("crops it as the contract says: eyes level, head in the frame, grey around the person", () => {
        const { landmarks, image, matte, cropPx } = portrait;
        const eyeY = (a: number, b: number): number => (landmarks[3 * a + 1] + landmarks[3 * b + 1]) / 2;
        expect(Math.abs(eyeY(33, 133) - eyeY(362, 263))).toBeLessThan(1e-4);
        expect(eyeY(33, 263)).toBeCloseTo(0.48, 2); // the middle lies 2 % of the side below the eyes
        expect(image.length).toBe(3 * cropPx * cropPx);
        expect(matte.length).toBe(cropPx * cropPx);
        const at = (x: number, y: number): number => y * cropPx + x;
        expect(matte[at(128, 128)]).toBe(1);
        const grey = Array.from(matte.keys()).filter((i) => matte[i] === 0);
        expect(grey.length).toBeGreaterThan(0.1 * matte.length);
        expect(grey.every((i) => image[i] === 0.5)).toBe(true);
        const cheek = at(100, 140);
        const [r, g, b] = [0, 1, 2].map((channel) => image[channel * cropPx * cropPx + cheek]);
        expect(r).toBeGreaterThan(g); // skin
        expect(g).toBeGreaterThan(b);
    });

    it("gives the same for every wrapping of a file and everything that can be drawn", async () => {
        const response = await fetch(Portrait);
        const blob = await response.clone().blob();
        const bytes = await blob.arrayBuffer();
        const padded = new Uint8Array(bytes.byteLength + 7);
        padded.set(new Uint8Array(bytes), 7);
        const element = new Image();
        element.src = Portrait;
        const vector = document.createElementNS("http://www.w3.org/2000/svg", "image");
        vector.setAttribute("href", Portrait);
        const bitmap = await createImageBitmap(blob);
        const canvas = await PortraitCanvas();
        const offscreen = new OffscreenCanvas(512, 512);
        offscreen.getContext("2d")!.drawImage(bitmap, 0, 0);
        const frame = new VideoFrame(bitmap, { timestamp: 0 });
        const sources: Record<string, PhotoSource> = {
            blob,
            file: new File([blob], "a.png"),
            address: Portrait,
            url: new URL(Portrait, location.href),
            response,
            bytes,
            view: padded.subarray(7),
            bitmap,
            canvas,
            offscreen,
            pixels: canvas.getContext("2d")!.getImageData(0, 0, 512, 512),
            frame,
            element,
            vector,
        };
        for (const [name, source] of Object.entries(sources)) {
            const photo = await PreparePhotoAsync(source, Settings);
            expect(Distance(photo, portrait)).withContext(name).toBeLessThan(1e-4);
            let [worst, worstInRim] = [0, 0];
            for (const [i, value] of photo.image.entries()) {
                const away = Math.abs(value - portrait.image[i]);
                const mattes = [photo.matte, portrait.matte].map((matte) => matte[i % matte.length]);
                const isSure = mattes.every((alpha) => alpha === 0) || mattes.every((alpha) => alpha === 1);
                worst = isSure ? Math.max(worst, away) : worst;
                worstInRim = isSure ? worstInRim : Math.max(worstInRim, away);
            }
            expect(worst)
                .withContext(name)
                .toBeLessThan(2 / 255); // a canvas may round a pixel the other way
            expect(worstInRim).withContext(name).toBeLessThan(0.1); // which the matte there enlarges; measured 0.034
        }
        expect(bitmap.width).toBe(512); // borrowed, not closed
        frame.close();
    });

    it("takes the frame that a video shows, and a canvas of another page", async () => {
        const canvas = await PortraitCanvas();
        const video = document.createElement("video");
        video.muted = true;
        expect(await CodeOf(video)).toBe("photo-unreadable");
        video.srcObject = canvas.captureStream();
        // a stream shows what is painted
        const painting = setInterval(() => canvas.getContext("2d")!.fillRect(0, 0, 1, 1), 20);
        await video.play();
        const photo = await PreparePhotoAsync(video, Settings);
        clearInterval(painting);
        (video.srcObject as MediaStream).getTracks().forEach((track) => track.stop());
        video.srcObject = null;
        expect(photo.sourceSize).toEqual({ width: 512, height: 512 });
        expect(Distance(photo, portrait)).toBeLessThan(0.01);

        const host = document.createElement("iframe");
        document.body.append(host);
        const foreign = host.contentDocument!.createElement("canvas");
        [foreign.width, foreign.height] = [512, 512];
        foreign.getContext("2d")!.drawImage(await PortraitCanvas(), 0, 0);
        expect(foreign instanceof HTMLCanvasElement).toBeFalse();
        expect(Distance(await PreparePhotoAsync(foreign, Settings), portrait)).toBeLessThan(1e-4);
        host.remove();
    });

    it("refuses what is no photo, without a request", async () => {
        const closed = await createImageBitmap(await PortraitCanvas());
        closed.close();
        const read = new Response(await ToBlob(await PortraitCanvas()));
        await read.blob();
        const fetched = spyOn(globalThis, "fetch").and.callThrough();
        for (const thing of [
            undefined,
            null,
            7,
            {},
            [Portrait],
            document.body,
            () => Portrait,
            Promise.resolve(Portrait),
        ]) {
            expect(await CodeOf(thing as unknown as PhotoSource))
                .withContext(String(thing))
                .toBe("invalid-argument");
        }
        expect(await CodeOf(closed)).toBe("photo-unreadable");
        expect(await CodeOf(read)).toBe("photo-unreadable");
        expect(await CodeOf(new Response("", { status: 404 }))).toBe("photo-unreadable");
        expect(await CodeOf(new ArrayBuffer(3))).toBe("photo-unreadable");
        expect(fetched.calls.count()).toBe(0);
    });

    it("refuses HEIC with a code where the browser cannot open it", async () => {
        const brand = new TextEncoder().encode("\0\0\0\x18ftypheic\0\0\0\0mif1heic");
        expect(await CodeOf(new File([brand, new Uint8Array(4000)], "IMG_0001.HEIC", { type: "image/heic" }))).toBe(
            "photo-unreadable",
        );
    });

    it("sees a transparent picture over grey or whatever the person stands on, with the same face", async () => {
        const cut = await PortraitCanvas(512, 512, (context, image) => {
            context.clearRect(0, 0, 512, 512);
            context.ellipse(225, 120, 120, 118, 0, 0, 2 * Math.PI);
            context.clip();
            context.drawImage(image, 0, 0);
        });
        const photo = await PreparePhotoAsync(await ToBlob(cut), Settings);
        expect(Distance(photo, portrait)).toBeLessThan(0.02);
        expect(photo.image.every((value) => value >= 0 && value <= 1)).toBeTrue();
    });

    it("turns a JPEG as its EXIF orientation says, and an image element that shows it", async () => {
        // How the stored picture must be drawn so that the orientation makes it upright: a matrix from the upright 512
        // × 400 picture.
        const stored: [number, number, number, [number, number, number, number, number, number]][] = [
            [1, 512, 400, [1, 0, 0, 1, 0, 0]],
            [3, 512, 400, [-1, 0, 0, -1, 512, 400]],
            [5, 400, 512, [0, 1, 1, 0, 0, 0]],
            [6, 400, 512, [0, -1, 1, 0, 0, 512]],
            [7, 400, 512, [0, -1, -1, 0, 400, 512]],
            [8, 400, 512, [0, 1, -1, 0, 400, 0]],
        ];
        for (const [orientation, width, height, matrix] of stored) {
            const canvas = await PortraitCanvas(width, height, (context, image) => {
                context.setTransform(...matrix);
                context.drawImage(image, 0, 0, 512, 400, 0, 0, 512, 400);
            });
            const jpeg = await WithOrientation(await ToBlob(canvas, "image/jpeg"), orientation);
            const element = new Image();
            element.src = URL.createObjectURL(jpeg);
            for (const source of orientation === 6 ? [jpeg, element] : [jpeg]) {
                const photo = await PreparePhotoAsync(source, Settings);
                expect(photo.sourceSize).withContext(`orientation ${orientation}`).toEqual({ width: 512, height: 400 });
                expect(photo.notices).toEqual([]);
                expect(Math.abs(photo.crop.centerX - portrait.crop.centerX)).toBeLessThan(2);
                expect(Math.abs(photo.crop.centerY - portrait.crop.centerY)).toBeLessThan(2);
                expect(Distance(photo, portrait)).withContext(`orientation ${orientation}`).toBeLessThan(0.01);
            }
            URL.revokeObjectURL(element.src);
        }
    });

    it("gives the same landmarks when the photo lies on its side", async () => {
        for (const turn of [1, 3]) {
            const turned = await PortraitCanvas(512, 512, (context, image) => {
                context.translate(256, 256);
                context.rotate((turn * Math.PI) / 2);
                context.drawImage(image, -256, -256);
            });
            const photo = await PreparePhotoAsync(turned, Settings);
            expect(Distance(photo, portrait)).withContext(`turned ${turn} times`).toBeLessThan(0.01);
        }
    });

    it("lets a neck go on that the photo cuts off", async () => {
        const [end, { cropPx, crop }] = [190, portrait];
        const cut = await PreparePhotoAsync(
            await PortraitCanvas(512, end, (context, image) => context.drawImage(image, 0, 0)),
            Settings,
        );
        const row = (y: number): number => Math.round((0.5 + (y - crop.centerY) / crop.sidePx) * cropPx);
        const [last, below] = [row(end - 2), [row(end + 10), cropPx - 2]];
        const color = (x: number, y: number): number[] =>
            [0, 1, 2].map((channel) => cut.image[(channel * cropPx + y) * cropPx + x]);
        for (const x of [0.44, 0.5, 0.56].map((u) => Math.round(u * cropPx))) {
            for (const y of below) {
                expect(cut.matte[y * cropPx + x])
                    .withContext(`matte at ${x}, ${y}`)
                    .toBe(1);
                const change = Math.max(...color(x, y).map((value, i) => Math.abs(value - color(x, last)[i])));
                expect(change).withContext(`color at ${x}, ${y}`).toBeLessThan(0.1);
            }
        }
    });

    it("takes the larger of two faces and says so", async () => {
        const two = await PortraitCanvas(640, 400, (context, image) => {
            context.drawImage(image, 100, 0, 256, 256, 0, 60, 260, 260);
            context.drawImage(image, 100, 0, 256, 256, 270, 10, 370, 370);
        });
        const photo = await PreparePhotoAsync(two, Settings);
        expect(photo.faceCount).toBe(2);
        expect(photo.notices.map((notice) => notice.code)).toEqual(["photo-several-faces"]);
        expect(photo.crop.centerX).toBeGreaterThan(320);
    });

    it("finds a small face in a large photo", async () => {
        const large = await PortraitCanvas(3000, 2000, (context, image) =>
            context.drawImage(image, 1900, 300, 700, 700),
        );
        const photo = await PreparePhotoAsync(large, Settings);
        expect(Distance(photo, portrait)).toBeLessThan(0.03);
    });

    it("reports bad photos by code", async () => {
        expect(await CodeOf(new Blob(["not an image"], { type: "image/png" }))).toBe("photo-unreadable");
        const png = new Uint8Array(await (await fetch(Portrait)).arrayBuffer());
        // browsers may show the part that came
        expect(await CodeOf(new Blob([png.slice(0, 20000)]))).toMatch(/photo-unreadable|no error/);
        const corrupt = png.slice();
        corrupt.fill(0x55, 40, 4000);
        expect(await CodeOf(new Blob([corrupt]))).toBe("photo-unreadable");
        expect(await CodeOf("/repo/samples/assets/nobody.png")).toBe("photo-unreadable");
        expect(await CodeOf(await PortraitCanvas(63, 200))).toBe("photo-too-small");
        const enormous = png.slice();
        new DataView(enormous.buffer).setUint32(16, 50000);
        expect(await CodeOf(new Blob([enormous]))).toBe("photo-too-large");
        expect(await CodeOf(await PortraitCanvas(300, 300, () => undefined))).toBe("photo-no-face");
        const tinyFace = await PortraitCanvas(128, 128, (context, image) =>
            context.drawImage(image, 130, 20, 200, 200, 20, 20, 70, 70),
        );
        expect(await CodeOf(tinyFace)).toBe("photo-too-small");
    });

    it("stops at every stage when aborted", async () => {
        expect(await CodeOf(Portrait, { signal: AbortSignal.abort() })).toBe("aborted");
        for (const stop of ["opening the photo", "finding the face", "cutting out the person"]) {
            const controller = new AbortController();
            const code = await CodeOf(Portrait, {
                signal: controller.signal,
                onProgress: ({ stage }) => stage === stop && controller.abort(),
            });
            expect(code).withContext(stop).toBe("aborted");
        }
        const again = await PreparePhotoAsync(Portrait, Settings);
        expect(Distance(again, portrait)).toBeLessThan(1e-4);
    });

    it("says which network is missing, and works once it is there", async () => {
        let broken = true;
        const fetchAsync = window.fetch.bind(window);
        spyOn(window, "fetch").and.callFake((url, init) =>
            broken && String(url).includes("face/landmarks.data")
                ? Promise.resolve(new Response("", { status: 404 }))
                : fetchAsync(url, init),
        );
        const own = await ModelRuntime.CreateAsync({ ...NetworksSettings, backend: "wasm" });
        const faces = new FaceFinder(own);
        const error = await PreparePhotoAsync(Portrait, { ...Settings, faces }).catch((e: FlexAvatarError) => e);
        expect((error as FlexAvatarError).code).toBe("models-missing");
        expect((error as FlexAvatarError).message).toContain("face/landmarks.data");
        broken = false;
        expect(Distance(await PreparePhotoAsync(Portrait, { ...Settings, faces }), portrait)).toBe(0);
        own.dispose();
    });

    it("refuses photos with models that cannot find faces", async () => {
        const faces = new FaceFinder({
            runFaceGraphAsync: (name, image) =>
                ModelRuntime.prototype.runFaceGraphAsync.call(
                    Object.create(networks, { manifest: { value: {} } }),
                    name,
                    image,
                ),
        });
        expect(await CodeOf(Portrait, { faces })).toBe("models-mismatch");
    });

    it("leaves no script, no canvas and no global in the page, and prints nothing", async () => {
        const spies = (["log", "warn", "error", "info"] as const).map((name) => spyOn(console, name));
        const before = document.querySelectorAll("script, canvas, img").length;
        const globals = Object.getOwnPropertyNames(window).sort();
        const own = await ModelRuntime.CreateAsync({ ...NetworksSettings, backend: "wasm" });
        await PreparePhotoAsync(Portrait, { ...Settings, faces: new FaceFinder(own) });
        own.dispose();
        expect(document.querySelectorAll("script, canvas, img").length).toBe(before);
        expect(Object.getOwnPropertyNames(window).sort()).toEqual(globals);
        for (const spy of spies) {
            expect(spy.calls.allArgs()).toEqual([]);
        }
    });
});
