/**
 * Reads and checks `models.json`, the list of head models and networks with their hashes and shapes (docs/formats.md,
 * "models.json").
 */
import { FlexAvatarError } from "../../flame/error.js";

/** A file beside the manifest. */
export interface IManifestFile {
    /** Path relative to the folder of models.json. */
    file: string;
    /** SHA-256 in lower-case hexadecimal. */
    sha256: string;
    bytes: number;
}

/** The second page of a head model's atlas: hair beyond the scalp, and bust. */
export interface IPageEntry extends IManifestFile {
    /** SPDX identifier. */
    license: string;
}

/** A head model that networks may name. */
export interface IHeadModelEntry extends IManifestFile {
    /** SPDX identifier. */
    license: string;
    /** Loaded with the first avatar that has something on it. Undefined: avatars end at the neck. */
    page?: IPageEntry;
}

/** One ONNX graph: a small topology file and, usually, a file with its weights. */
export interface IGraphEntry extends IManifestFile {
    /** The external-data file; several graphs may share one. */
    data?: IManifestFile;
    /** Tensor shapes by name; all static. */
    inputs: Readonly<Record<string, readonly number[]>>;
    outputs: Readonly<Record<string, readonly number[]>>;
    /**
     * Some outputs for known inputs (probe.ts), with which a backend is checked: flat indices and values, by output.
     */
    probe?: Readonly<Record<string, { index: readonly number[]; value: readonly number[] }>>;
}

/** One set of networks, trained for one head model. */
export interface IModelEntry {
    /** Key into `headModels`. */
    headModel: string;
    /** S: edge of the photo crop in pixels. */
    photoSize: number;
    /** A: edge of the anchor and prior grids in texels; 0 where the networks take neither, as the paper's. */
    anchorSize: number;
    /** H = W: edge of the static and delta maps in texels. */
    mapSize: number;
    /** P: edge of the position map in texels. */
    positionMapSize: number;
    /** Largest N for which a `reconstructor_n{N}` exists, 1 to 4. */
    maxPhotos: number;
    license: string;
    /** Training step of the weights. */
    step: number;
    /** Measured quality, by name. */
    metrics: Readonly<Record<string, number>>;
    graphs: Readonly<Record<string, IGraphEntry>>;
}

/** The networks that find faces and persons in photos; they belong to no model set. */
export interface IFaceEntry {
    license: string;
    /** Where they come from. */
    source: string;
    graphs: Readonly<Record<string, IGraphEntry>>;
}

/** The checked contents of models.json. */
export interface IModelManifest {
    format: 1;
    /** Key into `models` of the set to use when the caller names none. */
    default: string;
    headModels: Readonly<Record<string, IHeadModelEntry>>;
    models: Readonly<Record<string, IModelEntry>>;
    /** Without it only files can be opened, no photos. */
    face?: IFaceEntry;
}

type Json = Record<string, unknown>;

/**
 * Checks a parsed models.json.
 * @param json what `JSON.parse` returned
 * @returns the same object, typed
 * @throws FlexAvatarError `file-format` naming the first field that is wrong, `models-mismatch` for an unknown format
 * or shapes that disagree
 */
export function ParseModelManifest(json: unknown): IModelManifest {
    const root = AsObject(json, "models.json");
    if (root.format !== 1) {
        throw new FlexAvatarError(
            "models-mismatch",
            `models.json has format ${JSON.stringify(root.format)}; this release reads format 1.`,
            {
                advice: "Use the models and the library of the same release.",
            },
        );
    }
    for (const [name, head] of Entries(root.headModels, "headModels")) {
        CheckFile(head, `headModels.${name}`);
        const { license, page } = AsObject(head, name);
        AsText(license, `headModels.${name}.license`);
        if (page !== undefined) {
            CheckFile(page, `headModels.${name}.page`);
            AsText(AsObject(page, name).license, `headModels.${name}.page.license`);
        }
    }
    for (const [name, model] of Entries(root.models, "models")) {
        CheckModel(AsObject(model, name), `models.${name}`, Object.keys(root.headModels as Json));
    }
    if (root.face !== undefined) {
        CheckFace(AsObject(root.face, "face"));
    }
    const chosen = AsText(root.default, "default");
    if (!Object.hasOwn(root.models as Json, chosen)) {
        throw Wrong("default", `"${chosen}" is not among the models: ${Object.keys(root.models as Json).join(", ")}`);
    }
    return root as unknown as IModelManifest;
}

/**
 * Picks a model set.
 * @param manifest the checked manifest
 * @param name the wanted set; undefined takes the default
 * @throws FlexAvatarError `models-mismatch` when there is none of that name
 */
export function SelectModel(manifest: IModelManifest, name: string | undefined): { name: string; entry: IModelEntry } {
    const chosen = name ?? manifest.default;
    if (!Object.hasOwn(manifest.models, chosen)) {
        throw new FlexAvatarError(
            "models-mismatch",
            `models.json has no model "${chosen}"; it has ${Object.keys(manifest.models).join(", ")}.`,
            {
                advice: "Name one of the models that models.json lists.",
            },
        );
    }
    return { name: chosen, entry: manifest.models[chosen] };
}

function CheckModel(model: Json, at: string, headModels: readonly string[]): void {
    const headModel = AsText(model.headModel, `${at}.headModel`);
    if (!headModels.includes(headModel)) {
        throw Wrong(`${at}.headModel`, `"${headModel}" is not among the head models: ${headModels.join(", ")}`);
    }
    AsText(model.license, `${at}.license`);
    AsCount(model.step, `${at}.step`, 0);
    AsObject(model.metrics, `${at}.metrics`);
    const S = AsCount(model.photoSize, `${at}.photoSize`, 1);
    const A = AsCount(model.anchorSize, `${at}.anchorSize`, 0);
    const H = AsCount(model.mapSize, `${at}.mapSize`, 1);
    const P = AsCount(model.positionMapSize, `${at}.positionMapSize`, 1);
    const maxPhotos = AsCount(model.maxPhotos, `${at}.maxPhotos`, 1);
    const graphs = AsObject(model.graphs, `${at}.graphs`);
    const graph = (name: string): IGraphEntry => CheckGraph(graphs[name], `${at}.graphs.${name}`);

    const encoder = graph("encoder");
    ExpectShape(encoder.inputs.photo, [1, 3, S, S], `${at}.graphs.encoder.inputs.photo`);
    ExpectShape(encoder.outputs.tokens, [1, -1, -1], `${at}.graphs.encoder.outputs.tokens`);
    const [, L, D] = encoder.outputs.tokens;
    const driver = graph("driver");
    ExpectShape(driver.inputs.position_map, [1, 3, P, P], `${at}.graphs.driver.inputs.position_map`);
    ExpectShape(driver.inputs.identity_features, [1, -1, -1, -1], `${at}.graphs.driver.inputs.identity_features`);
    ExpectShape(driver.outputs.delta_map, [1, 14, H, H], `${at}.graphs.driver.outputs.delta_map`);
    for (let n = 1; n <= maxPhotos; n++) {
        const name = `reconstructor_n${n}`;
        const { inputs, outputs } = graph(name);
        ExpectShape(inputs.tokens, [n, L, D], `${at}.graphs.${name}.inputs.tokens`);
        if (A > 0) {
            ExpectShape(inputs.photos, [n, 3, S, S], `${at}.graphs.${name}.inputs.photos`);
            ExpectShape(inputs.anchors, [n, 3, A, A], `${at}.graphs.${name}.inputs.anchors`);
            ExpectShape(inputs.prior, [1, 4, A, A], `${at}.graphs.${name}.inputs.prior`);
            ExpectShape(outputs.photo_coordinates, [n, 3, A, A], `${at}.graphs.${name}.outputs.photo_coordinates`);
        }
        ExpectShape(outputs.static_map, [1, 14, H, H], `${at}.graphs.${name}.outputs.static_map`);
        ExpectShape(
            outputs.identity_features,
            driver.inputs.identity_features,
            `${at}.graphs.${name}.outputs.identity_features`,
        );
    }
}

type Shapes = Readonly<Record<string, readonly number[]>>;
/** Shapes of the networks for faces, as src/runtime/photo and src/runtime/camera use them. */
const FaceShapes: Readonly<Record<string, { inputs: Shapes; outputs: Shapes }>> = {
    detector: { inputs: { image: [1, 3, 128, 128] }, outputs: { boxes: [1, 896, 16], scores: [1, 896, 1] } },
    landmarks: {
        inputs: { image: [1, 3, 192, 192] },
        outputs: { landmarks: [1, 478, 3], presence: [1, 1], features: [1, 16000] },
    },
    matte: { inputs: { image: [1, 3, 256, 256] }, outputs: { mask: [1, 1, 256, 256] } },
    classes: { inputs: { image: [1, 3, 320, 320] }, outputs: { classes: [1, 5, 320, 320], alpha: [1, 1, 320, 320] } },
    motion: { inputs: { change: [1, 16000] }, outputs: { expressions: [1, 52], turn: [1, 3] } },
};

function CheckFace(face: Json): void {
    AsText(face.license, "face.license");
    AsText(face.source, "face.source");
    const graphs = AsObject(face.graphs, "face.graphs");
    for (const [name, shapes] of Object.entries(FaceShapes)) {
        const graph = CheckGraph(graphs[name], `face.graphs.${name}`);
        for (const side of ["inputs", "outputs"] as const) {
            for (const [tensor, shape] of Object.entries(shapes[side])) {
                ExpectShape(graph[side][tensor], shape, `face.graphs.${name}.${side}.${tensor}`);
            }
        }
    }
}

function CheckGraph(value: unknown, at: string): IGraphEntry {
    const graph = AsObject(value, at);
    CheckFile(graph, at);
    if (graph.data !== undefined) {
        CheckFile(graph.data, `${at}.data`);
    }
    for (const side of ["inputs", "outputs"] as const) {
        for (const [name, shape] of Entries(graph[side], `${at}.${side}`)) {
            if (!Array.isArray(shape) || !shape.every((size) => Number.isSafeInteger(size) && size > 0)) {
                throw Wrong(
                    `${at}.${side}.${name}`,
                    `expected an array of positive whole numbers, got ${JSON.stringify(shape)}`,
                );
            }
        }
    }
    for (const [name, probe] of graph.probe === undefined ? [] : Entries(graph.probe, `${at}.probe`)) {
        const { index, value } = AsObject(probe, `${at}.probe.${name}`);
        const numbers = (list: unknown): boolean =>
            Array.isArray(list) && list.length > 0 && list.every(Number.isFinite);
        if (!numbers(index) || !numbers(value) || (index as []).length !== (value as []).length) {
            throw Wrong(`${at}.probe.${name}`, "expected two lists of as many numbers");
        }
    }
    return graph as unknown as IGraphEntry;
}

function CheckFile(value: unknown, at: string): void {
    const entry = AsObject(value, at);
    const file = AsText(entry.file, `${at}.file`);
    if (/^[/\\]|^[a-z][a-z0-9+.-]*:|\\|(^|\/)\.\.(\/|$)/i.test(file)) {
        throw Wrong(`${at}.file`, `"${file}" must be a path below the folder of models.json`);
    }
    if (!/^[0-9a-f]{64}$/.test(AsText(entry.sha256, `${at}.sha256`))) {
        throw Wrong(`${at}.sha256`, "expected 64 lower-case hexadecimal digits");
    }
    AsCount(entry.bytes, `${at}.bytes`, 1);
}

/** Compares a shape with the wanted one, in which −1 stands for any size. */
function ExpectShape(shape: readonly number[] | undefined, wanted: readonly number[], at: string): void {
    const fits = shape?.length === wanted.length && wanted.every((size, i) => size === -1 || size === shape[i]);
    if (!fits) {
        throw new FlexAvatarError(
            "models-mismatch",
            `${at} is ${JSON.stringify(shape)}; wanted [${wanted.map((s) => (s < 0 ? "any" : s)).join(",")}].`,
            {
                advice: "Export the networks and models.json together.",
            },
        );
    }
}

function Entries(value: unknown, at: string): [string, unknown][] {
    return Object.entries(AsObject(value, at));
}

function AsObject(value: unknown, at: string): Json {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw Wrong(
            at,
            `expected an object, got ${value === null ? "null" : Array.isArray(value) ? "an array" : typeof value}`,
        );
    }
    return value as Json;
}

function AsText(value: unknown, at: string): string {
    if (typeof value !== "string" || value === "") {
        throw Wrong(at, `expected a text, got ${JSON.stringify(value)}`);
    }
    return value;
}

function AsCount(value: unknown, at: string, least: number): number {
    if (!Number.isSafeInteger(value) || (value as number) < least) {
        throw Wrong(at, `expected a whole number of at least ${least}, got ${JSON.stringify(value)}`);
    }
    return value as number;
}

function Wrong(at: string, text: string): FlexAvatarError {
    return new FlexAvatarError("file-format", `models.json, ${at}: ${text}.`);
}
