/** The user's FLAME as a head model of this library: teeth, atlas, regions, landmarks, expressions, correctives. */
import {
    JointCount,
    MediaPipeLandmarkCount,
    ParseHeadModel,
    PoseFeatureCount,
    type HeadModel,
} from "../../flame/headModel.js";
import { WriteHeadModel } from "../../flame/headModelWriter.js";
import { BuildTexelTable } from "../../flame/texelTable.js";
import { UnrolledAtlas, type IAtlas } from "./flameAtlas.js";
import type { IFlameCompanions, ILandmarks } from "./flameCompanions.js";
import { FitExpressions, type IExpressionResidual } from "./flameExpressions.js";
import { WrongFlame, type IFlame } from "./flameFile.js";
import { CarryLandmarks } from "./flameLandmarks.js";
import { AddTeeth, TeethVertexCount } from "./flameTeeth.js";
import { IsEye, RegisterHead, RegressJoints } from "./registerHead.js";

/** Settings of a FLAME that becomes a head model. A field left undefined keeps its default. */
export interface IFlameSettings {
    /** Name of the head model. Default "flame". */
    name?: string;
    /** SPDX identifier. Default "LicenseRef-FLAME"; "CC-BY-4.0" for FLAME 2023 Open. */
    license?: string;
    /** Identity directions that are kept, 1 to 300. Default 100. */
    shapeCount?: number;
}

/** What a conversion found. */
export interface IFlameReport {
    /** Vertices, with teeth. */
    readonly vertexCount: number;
    /** Valid texels of a map of 400², the paper's size; the paper has 141,445. */
    readonly texelCount: number;
    /** Whose atlas it is: `"file"` of the user, or `"unrolled"`. */
    readonly atlas: "file" | "unrolled";
    /** Whose landmarks: `"file"` of the user, or `"registered"` from the head model. */
    readonly landmarks68: "file" | "registered";
    /** Whose MediaPipe landmarks, in the same words. */
    readonly mediaPipe: "file" | "registered";
    /** Whether expressions are made of FLAME's own directions. Else they are the head model's, carried over. */
    readonly hasExpressions: boolean;
    /** Median distance of the registration on the face, meters. */
    readonly registrationDistance: number;
    /** For each expression what was wanted, and what FLAME lacks of it. */
    readonly residuals: readonly IExpressionResidual[];
}

/** A converted FLAME. */
export interface IConvertedFlame {
    /** The head model file. */
    readonly bytes: Uint8Array<ArrayBuffer>;
    readonly headModel: HeadModel;
    readonly report: IFlameReport;
}

/** Size of the paper's maps. */
const PaperMapSize = 400;
/** Offsets below this are left out, meters. */
const LeastOffset = 2e-5;
/** Weights of the regressor below this are left out. */
const LeastJointWeight = 1e-5;

/**
 * Makes a head model file of a FLAME.
 * @param flame from `ReadFlame`
 * @param head a head model with the 52 expressions and MediaPipe's landmarks: open-head
 * @param companions atlas and landmarks of the user's further files
 * @throws FlexAvatarError `file-format` if the head cannot be one
 */
export function ConvertFlame(
    flame: IFlame,
    head: HeadModel,
    companions: IFlameCompanions = {},
    { name = "flame", license = "LicenseRef-FLAME", shapeCount = 100 }: IFlameSettings = {},
): IConvertedFlame {
    const registration = RegisterHead(flame, head);
    const { flame: whole, uv: teethUv, firstFace } = AddTeeth(flame);
    const atlas = WithTeeth(companions.atlas?.(flame) ?? UnrolledAtlas(flame), flame, whole, teethUv);
    const expressions = FitExpressions(whole, head, registration);
    const regionOf = (region: string): number => head.regions.indexOf(region);
    const faceRegion = Uint8Array.from({ length: whole.faceCount }, (_, face) => {
        const vertex = whole.faces[3 * face];
        if (face >= firstFace[0]) {
            return regionOf(face >= firstFace[1] ? "teethLower" : "teethUpper");
        }
        if (IsEye(whole, vertex)) {
            return regionOf(whole.template[3 * vertex] > 0 ? "eyeLeft" : "eyeRight");
        }
        return MajorityRegion(head, registration.face, whole.faces, face);
    });
    const carried = CarryLandmarks(flame, head, registration);
    const landmarks68 = companions.landmarks68 ?? carried.landmarks68;
    const mediaPipe = WithOwn(carried.mediaPipe, companions.mediaPipe);
    CheckLandmarks(landmarks68, flame.faceCount);
    CheckLandmarks(mediaPipe, flame.faceCount);
    const shapes = Math.min(Math.max(1, shapeCount), whole.shapeCount);
    const sparse = Sparse(expressions.directions, whole.vertexCount);
    const correctives = Sparse(whole.poseDirs, whole.vertexCount);
    const box = Box(whole.template);
    const bytes = WriteHeadModel({
        name,
        license,
        source: "FLAME of the user, https://flame.is.tue.mpg.de; converted by babylon-flexavatar",
        vertexCount: whole.vertexCount,
        faceCount: whole.faceCount,
        uvCount: atlas.uv.length / 2,
        shapeCount: shapes,
        expressionCount: head.expressionCount,
        regions: head.regions,
        dynamicRegions: head.dynamicRegions,
        twoSidedRegions: head.twoSidedRegions,
        expressions: head.expressions,
        shapes: Array.from({ length: shapes }, (_, s) => `flame${s}`),
        template: whole.template,
        faces: whole.faces,
        uvFaces: atlas.uvFaces,
        uv: atlas.uv,
        faceRegion,
        ...Quantised(whole.shapeDirs, shapes, whole.template.length),
        expressionStart: sparse.start,
        expressionVertex: sparse.vertex,
        expressionDelta: sparse.delta,
        expressionScale: sparse.scale,
        weights: ByteWeights(whole.weights),
        joints: Float32Array.from(RegressJoints(whole, whole.template)),
        ...SparseRegressor(whole),
        landmark68Face: Uint16Array.from(landmarks68.face),
        landmark68Bary: landmarks68.bary,
        mediaPipeFace: mediaPipe.face,
        mediaPipeBary: mediaPipe.bary,
        poseFromExpression: expressions.pose,
        correctiveCount: PoseFeatureCount,
        correctiveStart: correctives.start,
        correctiveVertex: correctives.vertex,
        correctiveDelta: correctives.delta,
        correctiveScale: correctives.scale,
        positionMapCenter: box.center,
        positionMapScale: box.scale,
    });
    const headModel = ParseHeadModel(bytes.buffer);
    return {
        bytes,
        headModel,
        report: {
            vertexCount: headModel.vertexCount,
            texelCount: BuildTexelTable(headModel, PaperMapSize).gaussianCount,
            atlas: companions.atlas ? "file" : "unrolled",
            landmarks68: companions.landmarks68 ? "file" : "registered",
            mediaPipe: companions.mediaPipe ? "file" : "registered",
            hasExpressions: flame.expressionCount > 0,
            registrationDistance: registration.medianDistance,
            residuals: expressions.residuals,
        },
    };
}

function WithTeeth(atlas: IAtlas, flame: IFlame, whole: IFlame, teethUv: Float32Array): IAtlas {
    const first = atlas.uv.length / 2;
    const uv = new Float32Array(atlas.uv.length + 2 * TeethVertexCount);
    uv.set(atlas.uv);
    uv.set(teethUv, atlas.uv.length);
    const uvFaces = new Uint16Array(whole.faces.length);
    uvFaces.set(atlas.uvFaces);
    for (let i = flame.faces.length; i < uvFaces.length; i++) {
        uvFaces[i] = first + whole.faces[i] - flame.vertexCount;
    }
    return { uv, uvFaces };
}

function MajorityRegion(head: HeadModel, registered: Int32Array, faces: Uint16Array, face: number): number {
    const [a, b, c] = [0, 1, 2].map((corner) => head.faceRegion[registered[faces[3 * face + corner]]]);
    return b === c ? b : a;
}

/** MediaPipe's landmarks of the user's file in front of carried ones. */
function WithOwn(
    carried: ILandmarks,
    own: ReadonlyMap<number, readonly [number, ...number[]]> | undefined,
): ILandmarks {
    own?.forEach(([face, ...bary], landmark) => {
        if (landmark < MediaPipeLandmarkCount) {
            carried.face[landmark] = face;
            carried.bary.set(bary, 3 * landmark);
        }
    });
    return carried;
}

function CheckLandmarks({ face, bary }: ILandmarks, faceCount: number): void {
    if (face.some((one) => one >= faceCount || one < -1) || bary.some((weight) => !(Math.abs(weight) <= 2))) {
        throw WrongFlame("the landmarks of a further file lie outside of its faces");
    }
}

interface ISparse {
    readonly start: Uint32Array;
    readonly vertex: Uint16Array;
    readonly delta: Int16Array;
    readonly scale: Float32Array;
}

/** Directions [n,V,3] without what does not move. */
function Sparse(directions: Float32Array, vertexCount: number): ISparse {
    const numbers = 3 * vertexCount;
    const count = directions.length / numbers;
    const start = new Uint32Array(count + 1);
    const scale = new Float32Array(count).fill(1);
    const vertex: number[] = [];
    const delta: number[] = [];
    for (let k = 0; k < count; k++) {
        const own = directions.subarray(k * numbers, (k + 1) * numbers);
        const most = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        scale[k] = most > 0 ? most / 32767 : 1;
        for (let v = 0; v < vertexCount; v++) {
            const offset = own.subarray(3 * v, 3 * v + 3);
            if (Math.hypot(offset[0], offset[1], offset[2]) >= LeastOffset) {
                vertex.push(v);
                delta.push(...offset.map((value) => Math.round(value / scale[k])));
            }
        }
        start[k + 1] = vertex.length;
    }
    return { start, vertex: Uint16Array.from(vertex), delta: Int16Array.from(delta), scale };
}

function Quantised(
    directions: Float32Array,
    count: number,
    numbers: number,
): { shapeDirs: Int8Array; shapeScale: Float32Array } {
    const shapeDirs = new Int8Array(count * numbers);
    const shapeScale = new Float32Array(count).fill(1);
    for (let s = 0; s < count; s++) {
        const own = directions.subarray(s * numbers, (s + 1) * numbers);
        const most = own.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        shapeScale[s] = most > 0 ? most / 127 : 1;
        for (let i = 0; i < numbers; i++) {
            shapeDirs[s * numbers + i] = Math.round(own[i] / shapeScale[s]);
        }
    }
    return { shapeDirs, shapeScale };
}

/** Rows that sum to 255: what rounding leaves goes to the weights that lost most. */
function ByteWeights(weights: Float32Array): Uint8Array {
    const bytes = new Uint8Array(weights.length);
    for (let at = 0; at < weights.length; at += JointCount) {
        const row = Array.from(weights.subarray(at, at + JointCount), (weight) => Math.max(0, weight));
        const sum = row.reduce((total, weight) => total + weight, 0);
        const exact = row.map((weight) => (255 * weight) / sum);
        exact.forEach((value, joint) => (bytes[at + joint] = Math.floor(value)));
        const left = 255 - bytes.subarray(at, at + JointCount).reduce((total, byte) => total + byte, 0);
        const byLoss = [0, 1, 2, 3, 4].sort((a, b) => (exact[b] % 1) - (exact[a] % 1) || a - b);
        byLoss.slice(0, left).forEach((joint) => bytes[at + joint]++);
    }
    return bytes;
}

function SparseRegressor({ jointRegressor, vertexCount }: IFlame): {
    jointStart: Uint32Array;
    jointVertex: Uint16Array;
    jointWeight: Float32Array;
} {
    const jointStart = new Uint32Array(JointCount + 1);
    const [vertex, weight]: [number[], number[]] = [[], []];
    for (let joint = 0; joint < JointCount; joint++) {
        for (let v = 0; v < vertexCount; v++) {
            const one = jointRegressor[joint * vertexCount + v];
            if (Math.abs(one) >= LeastJointWeight) {
                vertex.push(v);
                weight.push(one);
            }
        }
        jointStart[joint + 1] = vertex.length;
    }
    return { jointStart, jointVertex: Uint16Array.from(vertex), jointWeight: Float32Array.from(weight) };
}

function Box(template: Float32Array): { center: [number, number, number]; scale: number } {
    const low = [Infinity, Infinity, Infinity];
    const high = [-Infinity, -Infinity, -Infinity];
    template.forEach((value, i) => {
        low[i % 3] = Math.min(low[i % 3], value);
        high[i % 3] = Math.max(high[i % 3], value);
    });
    const rounded = (value: number): number => Math.round(1e4 * value) / 1e4;
    const [x, y, z] = low.map((value, axis) => rounded((value + high[axis]) / 2));
    return { center: [x, y, z], scale: rounded(Math.max(...low.map((value, axis) => high[axis] - value)) / 2) || 1e-4 };
}
