/** The page of scripts/compareFaces.mjs: one photo through our faces and through MediaPipe's. */
import { ModelRuntime } from "../../src/runtime/models/modelRuntime";
import { DecodePhotoAsync } from "../../src/runtime/photo/decode";
import { FaceFinder, type IFaceFinder } from "../../src/runtime/photo/faceFinder";
import type { IPicture } from "../../src/runtime/photo/picture";
import { PreparePhotoAsync, type IPreparedPhoto } from "../../src/runtime/photo/preparePhoto";
import { MediaPipeFinder } from "./mediaPipe";

/** How a photo is shown. */
export interface IShow {
    /** Quarter turns clockwise. */
    turns?: number;
    /** Edge of the photo in parts of the picture around it; 1 without a rim. */
    share?: number;
}

/** What one side gave. */
export interface ISeen {
    /** Landmarks x, y per face, in pixels of the picture. */
    faces: number[][];
    ms: number;
}

const Base = "/assets/models/";
/** Longest edge of a picture. */
const MostPx = 1024;

async function startAsync(): Promise<unknown> {
    const networks = await ModelRuntime.CreateAsync({
        modelsUrl: Base,
        runtimeUrls: "/node_modules/onnxruntime-web/dist/",
        backend: "wasm",
        worker: false,
    });
    const ours = new FaceFinder(networks);
    const mediaPipe = await MediaPipeFinder.StartAsync("/node_modules/@mediapipe");
    const finders: Record<string, IFaceFinder> = {
        ours,
        theirs: {
            findFacesAsync: (picture) => mediaPipe.findFacesAsync(picture),
            findPersonAsync: (picture) => ours.findPersonAsync(picture),
        },
    };
    const both = async <T>(work: (finder: IFaceFinder) => Promise<T>): Promise<Record<string, T & { ms: number }>> => {
        const results: Record<string, T & { ms: number }> = {};
        for (const [name, finder] of Object.entries(finders)) {
            const start = performance.now();
            results[name] = { ...(await work(finder)), ms: performance.now() - start };
        }
        return results;
    };
    return {
        /** Both sides' faces in one picture. */
        seeAsync: async (url: string, show: IShow = {}): Promise<Record<string, ISeen>> => {
            const picture = await pictureAsync(url, show);
            return await both(async (finder) => ({
                faces: (await finder.findFacesAsync(picture)).map((face) =>
                    pixels(face, picture.width, picture.height),
                ),
            }));
        },
        /** What MediaPipe sees in one photo, for tests/fixtures/faces.json. */
        fixtureAsync: async (url: string): Promise<unknown> => {
            const picture = await pictureAsync(url, {});
            const { width, height } = picture;
            const faces = await finders.theirs.findFacesAsync(picture);
            const edges = [width, height, width];
            return {
                faceCount: faces.length,
                landmarks: Array.from(faces[0], (value, i) => Math.round(1000 * value * edges[i % 3]) / 1000),
            };
        },
        /** Both sides' whole photo path at 256 pixels. */
        prepareAsync: async (url: string): Promise<Record<string, unknown>> => {
            return await both(async (faces) => {
                const { landmarks, crop } = await PreparePhotoAsync(url, { cropPx: 256, faces });
                return { landmarks: toPhoto(landmarks, crop), side: crop.sidePx };
            });
        },
    };
}

/** The photo, turned, in the middle of a grey picture. */
async function pictureAsync(url: string, { turns = 0, share = 1 }: IShow): Promise<IPicture> {
    const photo = await DecodePhotoAsync(url);
    const swap = turns % 2 === 1;
    const scale = Math.min(1, (MostPx * share) / Math.max(photo.width, photo.height));
    const [width, height] = (swap ? [photo.height, photo.width] : [photo.width, photo.height]).map((edge) =>
        Math.round((edge * scale) / share),
    );
    const context = new OffscreenCanvas(width, height).getContext("2d")!;
    context.fillStyle = "rgb(128 128 128)";
    context.fillRect(0, 0, width, height);
    context.translate(width / 2, height / 2);
    context.rotate((turns * Math.PI) / 2);
    context.scale(scale, scale);
    context.drawImage(photo.image, -photo.width / 2, -photo.height / 2, photo.width, photo.height);
    photo.close();
    return context.getImageData(0, 0, width, height);
}

function pixels(face: Float32Array, width: number, height: number): number[] {
    return Array.from(
        { length: (face.length / 3) * 2 },
        (_, i) => face[3 * (i >> 1) + (i & 1)] * (i & 1 ? height : width),
    );
}

/** Crop coordinates back to photo pixels, so that both sides' crops compare. */
function toPhoto(
    landmarks: Float32Array,
    { centerX, centerY, sidePx, cosRoll, sinRoll }: IPreparedPhoto["crop"],
): number[] {
    const points: number[] = [];
    for (let i = 0; i < landmarks.length; i += 3) {
        const dx = (landmarks[i] - 0.5) * sidePx;
        const dy = (landmarks[i + 1] - 0.5) * sidePx;
        points.push(centerX + cosRoll * dx - sinRoll * dy, centerY + sinRoll * dx + cosRoll * dy);
    }
    return points;
}

Object.assign(window, { startAsync });
