/**
 * The head model: template, faces, atlas, identity and expression directions, skin weights, landmarks.
 * Canonical space, meters, +X the head's left, +Y up, +Z out of the face. Parsed once, never changed afterwards.
 */
import { HeadModelFile, HeadModelFileError, IsRecord } from "./headModelFile.js";

/** Number of joints of every head model. */
export const JointCount = 5;
/** Joints in storage order. */
export const ModelJointNames = ["global", "neck", "jaw", "eyeL", "eyeR"] as const;
/** Parent of each joint; −1 has none. Parents come before children. */
export const JointParents: readonly number[] = [-1, 0, 1, 1, 1];
/** Length of a pose: axis-angle in radians for each joint. */
export const PoseLength = 3 * JointCount;
/** Numbers that pose correctives answer to: R − I of each joint but the first, nine numbers, row by row. */
export const PoseFeatureCount = 9 * (JointCount - 1);
/** Number of MediaPipe face landmarks, irises included. */
export const MediaPipeLandmarkCount = 478;

/**
 * A parsed head model. V vertices, F faces, T atlas vertices, S identity directions, E expressions, K sparse entries.
 */
export interface HeadModel {
    readonly name: string;
    /** SPDX identifier. */
    readonly license: string;
    readonly source: string;
    readonly vertexCount: number;
    readonly faceCount: number;
    readonly uvCount: number;
    readonly shapeCount: number;
    readonly expressionCount: number;
    /** Region names; `faceRegion` indexes them. */
    readonly regions: readonly string[];
    /** Regions whose texels the driver may change. */
    readonly dynamicRegions: readonly string[];
    /** Regions that are seen from both sides. */
    readonly twoSidedRegions: readonly string[];
    /** Expression names (ARKit), E of them. */
    readonly expressions: readonly string[];
    /** Identity direction names, S of them. */
    readonly shapes: readonly string[];
    /** [V,3] neutral mean head, meters. */
    readonly template: Float32Array;
    /** [F,3] triangles into `template`, counter-clockwise from outside. */
    readonly faces: Uint16Array;
    /** [F,3] triangles into `uv`. */
    readonly uvFaces: Uint16Array;
    /** [T,2] atlas, u right, v up, 0..1. */
    readonly uv: Float32Array;
    /** [F] index into `regions`. */
    readonly faceRegion: Uint8Array;
    /** [S,V,3] identity directions; meters at one standard deviation = value · `shapeScale`. */
    readonly shapeDirs: Int8Array;
    /** [S] meters per unit of `shapeDirs`. */
    readonly shapeScale: Float32Array;
    /** [E+1] first sparse entry of each expression. */
    readonly expressionStart: Uint32Array;
    /** [K] vertex of each sparse entry. */
    readonly expressionVertex: Uint16Array;
    /** [K,3] offset of each sparse entry; meters at weight 1 = value · `expressionScale`. */
    readonly expressionDelta: Int16Array;
    /** [E] meters per unit of `expressionDelta`. */
    readonly expressionScale: Float32Array;
    /** [V,5] skin weights; a row sums to 255. */
    readonly weights: Uint8Array;
    /** [5,3] rest positions of the joints of the template, meters. */
    readonly joints: Float32Array;
    /** [6] first entry of each joint in `jointVertex` and `jointWeight`. */
    readonly jointStart: Uint32Array;
    /** Vertices whose identity offset moves a joint. */
    readonly jointVertex: Uint16Array;
    /** How much each of them moves it. */
    readonly jointWeight: Float32Array;
    /** [68] face of each Multi-PIE landmark. */
    readonly landmark68Face: Uint16Array;
    /** [68,3] */
    readonly landmark68Bary: Float32Array;
    /** [478] face of each MediaPipe landmark, −1 where unmapped. */
    readonly mediaPipeFace: Int32Array;
    /** [478,3] */
    readonly mediaPipeBary: Float32Array;
    /** [E,15] axis-angle added to the five joints per unit of an expression, radians. */
    readonly poseFromExpression: Float32Array;
    /** C: {@link PoseFeatureCount}, or 0 where the model has no pose correctives. */
    readonly correctiveCount: number;
    /** [C+1] first sparse entry of each pose corrective. */
    readonly correctiveStart: Uint32Array;
    /** [M] vertex of each sparse entry. */
    readonly correctiveVertex: Uint16Array;
    /** [M,3] offset of each sparse entry; meters per unit of the feature = value · `correctiveScale`. */
    readonly correctiveDelta: Int16Array;
    /** [C] meters per unit of `correctiveDelta`. */
    readonly correctiveScale: Float32Array;
    /** Subtracted from positions in a position map, meters. */
    readonly positionMapCenter: readonly [number, number, number];
    /** Divides positions in a position map, meters. */
    readonly positionMapScale: number;
}

/**
 * Reads a head model file.
 * @param bytes the whole file; it is kept, the arrays of the model are views of it
 * @throws FlexAvatarError `file-format` if anything in the file cannot be trusted: a wrong magic, version, dtype or
 * shape, an array outside the file, an index out of range, a number that is not finite, skin weights that do not sum to
 * one
 */
export function ParseHeadModel(bytes: ArrayBuffer): HeadModel {
    const file = new HeadModelFile(bytes);
    const positionMap = ReadPositionMap(file.json.positionMap);
    const model: HeadModel = {
        name: file.text("name"),
        license: file.text("license"),
        source: file.text("source"),
        regions: file.names("regions"),
        dynamicRegions: file.names("dynamicRegions"),
        twoSidedRegions: file.names("twoSidedRegions"),
        expressions: file.names("expressions"),
        shapes: file.names("shapes"),
        template: file.array("template", "f32", ["V", 3]),
        faces: file.array("faces", "u16", ["F", 3]),
        uvFaces: file.array("uvFaces", "u16", ["F", 3]),
        uv: file.array("uv", "f32", ["T", 2]),
        faceRegion: file.array("faceRegion", "u8", ["F"]),
        shapeDirs: file.array("shapeDirs", "i8", ["S", "V", 3]),
        shapeScale: file.array("shapeScale", "f32", ["S"]),
        expressionScale: file.array("expressionScale", "f32", ["E"]),
        expressionStart: file.array("expressionStart", "u32", [file.dimension("E") + 1]),
        expressionVertex: file.array("expressionVertex", "u16", ["K"]),
        expressionDelta: file.array("expressionDelta", "i16", ["K", 3]),
        weights: file.array("weights", "u8", ["V", JointCount]),
        joints: file.array("joints", "f32", [JointCount, 3]),
        jointStart: file.array("jointStart", "u32", [JointCount + 1]),
        jointVertex: file.array("jointVertex", "u16", ["jointEntries"]),
        jointWeight: file.array("jointWeight", "f32", ["jointEntries"]),
        landmark68Face: file.array("landmark68Face", "u16", [68]),
        landmark68Bary: file.array("landmark68Bary", "f32", [68, 3]),
        mediaPipeFace: file.array("mediaPipeFace", "i32", [MediaPipeLandmarkCount]),
        mediaPipeBary: file.array("mediaPipeBary", "f32", [MediaPipeLandmarkCount, 3]),
        poseFromExpression: file.array("poseFromExpression", "f32", ["E", PoseLength]),
        ...ReadCorrectives(file),
        positionMapCenter: positionMap.center,
        positionMapScale: positionMap.scale,
        vertexCount: file.dimension("V"),
        faceCount: file.dimension("F"),
        uvCount: file.dimension("T"),
        shapeCount: file.dimension("S"),
        expressionCount: file.dimension("E"),
    };
    CheckNames(model, file);
    CheckIndices(model);
    CheckNumbers(model);
    return model;
}

type Correctives = Pick<
    HeadModel,
    "correctiveCount" | "correctiveStart" | "correctiveVertex" | "correctiveDelta" | "correctiveScale"
>;

/** What a model without pose correctives has of them. */
export const NoCorrectives: Correctives = Object.freeze({
    correctiveCount: 0,
    correctiveStart: new Uint32Array(1),
    correctiveVertex: new Uint16Array(),
    correctiveDelta: new Int16Array(),
    correctiveScale: new Float32Array(),
});

/** Optional: files without them are as they always were. */
function ReadCorrectives(file: HeadModelFile): Correctives {
    return file.has("correctiveScale")
        ? {
              correctiveCount: PoseFeatureCount,
              correctiveScale: file.array("correctiveScale", "f32", [PoseFeatureCount]),
              correctiveStart: file.array("correctiveStart", "u32", [PoseFeatureCount + 1]),
              correctiveVertex: file.array("correctiveVertex", "u16", ["M"]),
              correctiveDelta: file.array("correctiveDelta", "i16", ["M", 3]),
          }
        : NoCorrectives;
}

function ReadPositionMap(value: unknown): { center: [number, number, number]; scale: number } {
    if (
        IsRecord(value) &&
        Array.isArray(value.center) &&
        value.center.length === 3 &&
        value.center.every(Number.isFinite)
    ) {
        const scale = value.scale;
        if (typeof scale === "number" && Number.isFinite(scale) && scale > 0) {
            return { center: value.center as [number, number, number], scale };
        }
    }
    throw HeadModelFileError('header field "positionMap" needs a center of three numbers and a scale above zero');
}

function CheckNames(model: HeadModel, file: HeadModelFile): void {
    const counts: [string, number, number][] = [
        ["expressions", model.expressions.length, model.expressionCount],
        ["shapes", model.shapes.length, model.shapeCount],
    ];
    for (const [name, names, entries] of counts) {
        if (names !== entries) {
            throw HeadModelFileError(`it has ${names} names in "${name}" and ${entries} directions`);
        }
    }
    for (const region of [...model.dynamicRegions, ...model.twoSidedRegions]) {
        if (!model.regions.includes(region)) {
            throw HeadModelFileError(`"${region}" is not one of its regions`);
        }
    }
    const joints = file.names("joints");
    const parents = file.json.parents;
    if (joints.join() !== ModelJointNames.join() || !Array.isArray(parents) || parents.join() !== JointParents.join()) {
        throw HeadModelFileError(
            `its joints must be ${ModelJointNames.join(", ")} with parents ${JointParents.join(", ")}`,
        );
    }
}

function CheckIndices(model: HeadModel): void {
    CheckMesh(model);
    CheckBelow("expressionVertex", model.expressionVertex, model.vertexCount);
    CheckBelow("correctiveVertex", model.correctiveVertex, model.vertexCount);
    CheckBelow("jointVertex", model.jointVertex, model.vertexCount);
    CheckBelow("landmark68Face", model.landmark68Face, model.faceCount);
    CheckBelow("mediaPipeFace", model.mediaPipeFace, model.faceCount, -1);
    CheckRanges("expressionStart", model.expressionStart, model.expressionVertex.length);
    CheckRanges("correctiveStart", model.correctiveStart, model.correctiveVertex.length);
    CheckRanges("jointStart", model.jointStart, model.jointVertex.length);
}

/** Whether faces, atlas, regions, skin weights and vertices can be trusted. @throws FlexAvatarError `file-format` */
export function CheckMesh(model: HeadModel): void {
    if (model.vertexCount === 0 || model.faceCount === 0) {
        throw HeadModelFileError("it has no vertices or no faces");
    }
    CheckBelow("faces", model.faces, model.vertexCount);
    CheckBelow("uvFaces", model.uvFaces, model.uvCount);
    CheckBelow("faceRegion", model.faceRegion, model.regions.length);
    CheckFinite("template", model.template, 10);
    CheckFinite("uv", model.uv, 10);
    for (let vertex = 0; vertex < model.vertexCount; vertex++) {
        let sum = 0;
        for (let joint = 0; joint < JointCount; joint++) {
            sum += model.weights[vertex * JointCount + joint];
        }
        if (sum !== 255) {
            throw HeadModelFileError(`the skin weights of vertex ${vertex} sum to ${sum}, wanted 255`);
        }
    }
}

function CheckNumbers(model: HeadModel): void {
    CheckFinite("shapeScale", model.shapeScale, 10);
    CheckFinite("expressionScale", model.expressionScale, 10);
    CheckFinite("correctiveScale", model.correctiveScale, 10);
    CheckFinite("joints", model.joints, 10);
    CheckFinite("jointWeight", model.jointWeight, 10);
    CheckFinite("landmark68Bary", model.landmark68Bary, 10);
    CheckFinite("mediaPipeBary", model.mediaPipeBary, 10);
    CheckFinite("poseFromExpression", model.poseFromExpression, 10);
}

function CheckBelow(name: string, indices: ArrayLike<number>, limit: number, smallest = 0): void {
    for (let i = 0; i < indices.length; i++) {
        if (indices[i] < smallest || indices[i] >= limit) {
            throw HeadModelFileError(`"${name}"[${i}] is ${indices[i]}, wanted ${smallest} to ${limit - 1}`);
        }
    }
}

function CheckRanges(name: string, starts: Uint32Array, end: number): void {
    for (let i = 0; i < starts.length; i++) {
        if (starts[i] < (i === 0 ? 0 : starts[i - 1])) {
            throw HeadModelFileError(`"${name}" decreases at ${i}`);
        }
    }
    if (starts[0] !== 0 || starts[starts.length - 1] !== end) {
        throw HeadModelFileError(`"${name}" must run from 0 to ${end}`);
    }
}

function CheckFinite(name: string, values: Float32Array, limit: number): void {
    for (let i = 0; i < values.length; i++) {
        if (!(Math.abs(values[i]) <= limit)) {
            throw HeadModelFileError(`"${name}"[${i}] is ${values[i]}, wanted a number between ${-limit} and ${limit}`);
        }
    }
}
