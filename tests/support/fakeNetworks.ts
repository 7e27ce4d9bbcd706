/** Networks and photos that need no models: the real head model file, maps from a seed, and a hook at every stage. */
import { FlexAvatarError } from "../../src/flame/error";
import { ToCamera, type CropCamera } from "../../src/flame/fit/camera";
import { MediaPipeLandmarkCount, ParseHeadModel, type HeadModel } from "../../src/flame/headModel";
import type { IAvatarServices, INetworks } from "../../src/plugin/avatarServices";
import type { IDetailCrop } from "../../src/runtime/photo/detailCrop";
import type { IPreparedPhoto } from "../../src/runtime/photo/preparePhoto";
import type { IWideCrop } from "../../src/runtime/photo/wideCrop";
import { RandomDeltaMap, RandomStaticMap } from "./syntheticHead";
import { PipelineOf } from "./enginePool";
import { FakeDriver, MapSize } from "./stage";
import { ProjectToCrop } from "./projectToCrop";

/** Stages of making an avatar, in order. */
export const Stages = ["networks", "headModel", "photo", "reconstruct", "driver", "driverRun"] as const;
/** `page` comes where an avatar has something on the second page. */
export type Stage = (typeof Stages)[number] | "page";

let headBytes: Promise<Uint8Array<ArrayBuffer>> | undefined;

/** The bundled head model file. */
export function HeadBytesAsync(): Promise<Uint8Array<ArrayBuffer>> {
    headBytes ??= fetch("/repo/assets/models/open-head.bin").then(
        async (response) => new Uint8Array(await response.arrayBuffer()),
    );
    return headBytes;
}

/** What happened to the fakes. */
export interface IFakeLog {
    stages: Stage[];
    networksDisposed: number;
    /** How many photos the networks were prepared for, call by call. */
    prepared: number[];
    drivers: FakeDriver[];
}

/**
 * Services for the component.
 * @param onStage called when a stage begins; what it throws is the stage's error
 * @param refineAsync what refines; without it photos come without a crop for refinement
 * @param page the head model's second page, if it has one, and the head model's hash in models.json
 * @param fillAsync what fills it; without it photos come without a wide crop
 */
export async function FakeServicesAsync(
    onStage: (stage: Stage) => void = () => undefined,
    refineAsync?: IAvatarServices["refineAsync"],
    page?: { bytes: Uint8Array<ArrayBuffer>; sha256: string; headSha256?: string },
    fillAsync?: IAvatarServices["fillAsync"],
): Promise<{ services: IAvatarServices; log: IFakeLog }> {
    const bytes = await HeadBytesAsync();
    const head = ParseHeadModel(bytes.slice().buffer);
    const log: IFakeLog = { stages: [], networksDisposed: 0, prepared: [], drivers: [] };
    const random = SmallRandom();
    const staticMap = RandomStaticMap(MapSize, random);
    const deltaMap = RandomDeltaMap(MapSize, random);
    const enterAsync = async (stage: Stage): Promise<void> => {
        log.stages.push(stage);
        await new Promise((resolve) => setTimeout(resolve, 1));
        onStage(stage);
    };
    const networks = {
        model: {
            headModel: "open-head",
            photoSize: 64,
            anchorSize: 16,
            mapSize: MapSize,
            positionMapSize: 16,
            maxPhotos: 4,
            step: 0,
            graphs: { driver: { inputs: { identity_features: [1, 2, 4, 4] } } },
        },
        modelName: "fake",
        headModel: {
            file: "open-head.bin",
            sha256: page?.headSha256 ?? "0".repeat(64),
            bytes: bytes.byteLength,
            license: "CC0-1.0",
            ...(page
                ? { page: { file: "page.bin", sha256: page.sha256, bytes: page.bytes.byteLength, license: "CC0-1.0" } }
                : {}),
        },
        backend: "wasm",
        timings: {},
        store: { statistics: { requests: 1, bytes: bytes.byteLength } },
        loadHeadModelAsync: async () => {
            await enterAsync("headModel");
            return bytes;
        },
        loadPageAsync: async () => {
            await enterAsync("page");
            if (!page) {
                throw new FlexAvatarError("models-mismatch", "The fake models have no second page.");
            }
            return page.bytes;
        },
        prepareAsync: async (photoCount: number) => void log.prepared.push(photoCount),
        reconstructAsync: async () => {
            await enterAsync("reconstruct");
            return {
                staticMap,
                identityFeatures: new Float32Array(32),
                photoCoordinates: new Float32Array(3 * 16 * 16),
            };
        },
        createDriverAsync: async () => {
            await enterAsync("driver");
            const driver = new FakeDriver((_map, run) => {
                log.stages.push("driverRun");
                onStage("driverRun");
                return deltaMap.map((value) => value * run);
            });
            log.drivers.push(driver);
            return driver;
        },
        dispose: () => {
            log.networksDisposed++;
        },
    } as unknown as INetworks;
    return {
        log,
        services: {
            createNetworksAsync: async () => {
                await enterAsync("networks");
                return networks;
            },
            preparePhotoAsync: async (_photo, { detailPx = 0, wide = false }) => {
                await enterAsync("photo");
                return {
                    ...FakePhoto(head),
                    ...(refineAsync && detailPx > 0 ? { detail: FakeDetail() } : {}),
                    ...(fillAsync && wide ? { wide: FakeWide() } : {}),
                };
            },
            createPipelineAsync: PipelineOf,
            ...(refineAsync ? { refineAsync } : {}),
            ...(fillAsync ? { fillAsync } : {}),
        },
    };
}

/** A grey crop for refinement. */
function FakeDetail(): IDetailCrop {
    const size = 64;
    return {
        size,
        pixels: new Uint8ClampedArray(4 * size * size).fill(255).map((value, i) => (i % 4 === 3 ? value : 120)),
        matte: new Uint8ClampedArray(size * size).fill(255),
    };
}

/** A red face in a wide crop with brown hair down to blue shoulders, before grey. */
function FakeWide(): IWideCrop {
    const size = 128;
    const pixels = new Uint8ClampedArray(4 * size * size).fill(255);
    const maps = [0, 1, 2, 3].map(() => new Float32Array(size * size));
    for (let i = 0; i < size * size; i++) {
        const [x, y] = [((i % size) + 0.5) / size - 0.5, (Math.floor(i / size) + 0.5) / size - 0.48];
        const isFace = Math.hypot(x / 0.11, y / 0.15) < 1;
        const isHair = !isFace && Math.abs(x) < 0.17 && y > -0.22 && y < 0.24;
        const isCloth = !isFace && !isHair && y > 0.2 && Math.abs(x) < 0.4;
        const part = isHair ? 0 : isFace ? 1 : isCloth ? 2 : 3;
        const colors = [[90, 60, 30], [190, 120, 100], [40, 60, 200], [128, 128, 128]]; // prettier-ignore
        pixels.set(colors[part], 4 * i);
        maps[part][i] = 1;
    }
    const [hair, skin, clothes, rest] = maps;
    return {
        size,
        pixels,
        roll: 0,
        person: { mask: rest.map((value) => 1 - value), size, classes: [hair, skin, clothes] },
    };
}

/** Landmarks of the mean head seen from the front. */
function FakePhoto(head: HeadModel): IPreparedPhoto {
    const camera: CropCamera = {
        rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
        translation: Float64Array.of(0, 0, -0.77),
        focal: 2.4,
    };
    const landmarks = new Float32Array(3 * MediaPipeLandmarkCount).fill(0.5);
    for (let landmark = 0; landmark < MediaPipeLandmarkCount; landmark++) {
        const face = head.mediaPipeFace[landmark];
        if (face >= 0) {
            const point = [0, 1, 2].map((axis) =>
                [0, 1, 2].reduce(
                    (sum, k) =>
                        sum + head.mediaPipeBary[3 * landmark + k] * head.template[3 * head.faces[3 * face + k] + axis],
                    0,
                ),
            );
            landmarks.set(ProjectToCrop(camera, ToCamera(camera, point)), 3 * landmark);
        }
    }
    return {
        image: new Float32Array(3 * 64 * 64).fill(0.5),
        matte: new Float32Array(64 * 64).fill(1),
        landmarks,
        crop: {} as IPreparedPhoto["crop"],
        cropPx: 64,
        faceCount: 2,
        notices: [{ code: "photo-several-faces", message: "The photo shows 2 faces; the largest was taken." }],
        sourceSize: { width: 64, height: 64 },
    };
}

function SmallRandom(): () => number {
    let state = 5;
    return () => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 4294967296;
    };
}
