/**
 * Which point of the head model each vertex of a FLAME head is: FLAME's own identity directions bend it onto the head
 * model, then each vertex takes the nearest point of the surface. Normals and the jaw's skin weight count as
 * coordinates, so that a lower lip does not fall on an upper one.
 */
import { FlexAvatarError } from "../../flame/error.js";
import { SolveCholesky } from "../../flame/fit/cholesky.js";
import { JointCount, type HeadModel } from "../../flame/headModel.js";
import { VertexNormals } from "../../flame/normals.js";
import { NearestRotation, RotationOfAxisAngle } from "../../flame/rotation.js";
import type { IFlame } from "./flameFile.js";

/** Where a FLAME head lies on a head model. */
export interface IRegistration {
    /** [V] face of the head model that a vertex lies on. */
    readonly face: Int32Array;
    /** [V,3] where in that face. */
    readonly bary: Float32Array;
    /** Lengths of the head model for one of FLAME's. */
    readonly scale: number;
    /** 3×3 row-major: head model's axes from FLAME's. */
    readonly rotation: Float64Array;
    /** Meters on FLAME, median over vertices of the face: how far they are from the surface they were put on. */
    readonly medianDistance: number;
    /** [S] FLAME's shape that is nearest to the head model. */
    readonly shape: Float64Array;
}

const Steps = 12;
/** Every so many vertices pull. */
const Stride = 6;
/** Identity directions that bend. */
const MostShapes = 60;
/** Meters that normals which look at each other, and skin of jaw and skull, are apart. */
const [NormalMeters, JawMeters] = [0.015, 0.03];
/** Weight of sliding along the surface beside leaving it. */
const SlideWeight = 0.2;
/** Weight of the joints of the eyes beside one vertex. */
const EyeWeight = 130;
/** Of an identity direction at one standard deviation beside meters. */
const ShapeWeight = 0.5;
/** Distance in meters at which a vertex counts half. */
const Doubtful = 0.006;
const [Jaw, LeftEye, RightEye] = [2, 3, 4];
/** Regions that the skin of a FLAME head has. */
const SkinRegions: readonly string[] = ["face", "lids", "lips", "mouthInterior", "scalp", "neck", "ears"];
const EyeRegions: readonly string[] = ["eyeLeft", "eyeRight"];
const Coordinates = 7;

/** Points that are looked for: [n,7] place, normal and jaw weight, and the vertex of each. */
interface IPoints {
    readonly vertex: Uint16Array;
    readonly place: Float64Array;
}

/** The state of a registration. */
interface IBend {
    readonly rotation: Float64Array;
    readonly translation: Float64Array;
    scale: number;
    readonly shape: Float64Array;
}

const Registrations = new WeakMap<Float32Array, WeakMap<HeadModel, IRegistration>>(); // by template

/**
 * Registers a FLAME head to a head model. Takes a second or two, the first time.
 * @throws FlexAvatarError `file-format` if the head has no shape that could be a head's
 */
export function RegisterHead(flame: IFlame, head: HeadModel): IRegistration {
    const known = Registrations.get(flame.template) ?? new WeakMap<HeadModel, IRegistration>();
    const registration = known.get(head) ?? Register(flame, head);
    Registrations.set(flame.template, known.set(head, registration));
    return registration;
}

function Register(flame: IFlame, head: HeadModel): IRegistration {
    const count = Math.min(MostShapes, flame.shapeCount);
    const bend: IBend = {
        rotation: Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
        translation: new Float64Array(3),
        scale: 1,
        shape: new Float64Array(count),
    };
    PlaceByEyes(flame, head, bend);
    const isEye = Uint8Array.from({ length: flame.vertexCount }, (_, v) => Number(IsEye(flame, v)));
    const skin = PointsOf(head, SkinRegions);
    const eyes = PointsOf(head, EyeRegions);
    const moved = new Float32Array(flame.template.length);
    for (let step = 0; step < Steps; step++) {
        BendVertices(flame, bend, moved);
        const normals = VertexNormals(AsMesh(flame), moved);
        SolveStep(flame, head, bend, { moved, normals, isEye, skin });
    }
    BendVertices(flame, bend, moved);
    const normals = VertexNormals(AsMesh(flame), moved);
    const face = new Int32Array(flame.vertexCount);
    const bary = new Float32Array(3 * flame.vertexCount);
    const facesOfVertex = FacesByVertex(head);
    const distances: number[] = [];
    for (let v = 0; v < flame.vertexCount; v++) {
        const near = Nearest(isEye[v] ? eyes : skin, flame, moved, normals, v);
        const distance = OnSurface(head, facesOfVertex[near.vertex], moved, v, face, bary);
        if (!isEye[v] && head.regions[head.faceRegion[face[v]]] === "face") {
            distances.push(distance / bend.scale);
        }
    }
    const { scale, rotation, shape } = bend;
    distances.sort((a, b) => a - b);
    return { face, bary, scale, rotation, shape, medianDistance: distances[distances.length >> 1] ?? 0 };
}

/** Whether a vertex belongs to an eyeball. */
export function IsEye({ weights }: IFlame, v: number): boolean {
    return weights[JointCount * v + LeftEye] + weights[JointCount * v + RightEye] > 0.5;
}

/** [5,3] joints of vertices. */
export function RegressJoints({ jointRegressor, vertexCount }: IFlame, vertices: ArrayLike<number>): Float64Array {
    const joints = new Float64Array(3 * JointCount);
    for (let joint = 0; joint < JointCount; joint++) {
        for (let v = 0; v < vertexCount; v++) {
            const weight = jointRegressor[joint * vertexCount + v];
            for (let axis = 0; weight !== 0 && axis < 3; axis++) {
                joints[3 * joint + axis] += weight * vertices[3 * v + axis];
            }
        }
    }
    return joints;
}

/** What `VertexNormals` reads of a head model. */
function AsMesh({ vertexCount, faceCount, faces }: IFlame): HeadModel {
    return { vertexCount, faceCount, faces } as HeadModel;
}

/** The eyes tell size and place; both heads look along +Z with +Y up. */
function PlaceByEyes(flame: IFlame, head: HeadModel, bend: IBend): void {
    const joints = RegressJoints(flame, flame.template);
    const apart = (places: ArrayLike<number>): number =>
        Math.hypot(
            places[3 * LeftEye] - places[3 * RightEye],
            places[3 * LeftEye + 1] - places[3 * RightEye + 1],
            places[3 * LeftEye + 2] - places[3 * RightEye + 2],
        );
    bend.scale = apart(head.joints) / apart(joints);
    if (!(bend.scale > 0.2 && bend.scale < 5)) {
        throw new FlexAvatarError("file-format", `The eyes of this FLAME model are ${apart(joints)} m apart.`);
    }
    for (let axis = 0; axis < 3; axis++) {
        const middle = (joints[3 * LeftEye + axis] + joints[3 * RightEye + axis]) / 2;
        const wanted = (head.joints[3 * LeftEye + axis] + head.joints[3 * RightEye + axis]) / 2;
        bend.translation[axis] = wanted - bend.scale * middle;
    }
}

function PointsOf(head: HeadModel, regions: readonly string[]): IPoints {
    const isWanted = new Uint8Array(head.vertexCount);
    for (let face = 0; face < head.faceCount; face++) {
        if (regions.includes(head.regions[head.faceRegion[face]])) {
            [0, 1, 2].forEach((corner) => (isWanted[head.faces[3 * face + corner]] = 1));
        }
    }
    const vertex = Uint16Array.from(Array.from(isWanted.keys()).filter((v) => isWanted[v]));
    const normals = VertexNormals(head, head.template);
    const place = new Float64Array(Coordinates * vertex.length);
    vertex.forEach((v, i) => {
        const jaw = head.weights[JointCount * v + Jaw] / 255;
        Describe(place, Coordinates * i, head.template, normals, v, jaw);
    });
    return { vertex, place };
}

function Describe(
    into: Float64Array,
    at: number,
    places: ArrayLike<number>,
    normals: ArrayLike<number>,
    v: number,
    jaw: number,
): void {
    for (let axis = 0; axis < 3; axis++) {
        into[at + axis] = places[3 * v + axis];
        into[at + 3 + axis] = (NormalMeters / 2) * normals[3 * v + axis];
    }
    into[at + 6] = JawMeters * jaw;
}

const Wanted = new Float64Array(Coordinates); // scratch of Nearest

/** The point nearest to a vertex, all coordinates together. */
function Nearest(
    points: IPoints,
    flame: IFlame,
    moved: Float32Array,
    normals: Float32Array,
    v: number,
): { vertex: number; index: number } {
    Describe(Wanted, 0, moved, normals, v, flame.weights[JointCount * v + Jaw]);
    const [x, y, z, nx, ny, nz, jaw] = Wanted;
    const { place } = points;
    let [best, least] = [0, Infinity];
    for (let at = 0; at < place.length; at += Coordinates) {
        const dy = place[at + 1] - y;
        let distance = dy * dy;
        if (distance < least) {
            const dx = place[at] - x;
            const dz = place[at + 2] - z;
            distance += dx * dx + dz * dz;
            if (distance < least) {
                const a = place[at + 3] - nx;
                const b = place[at + 4] - ny;
                const c = place[at + 5] - nz;
                const d = place[at + 6] - jaw;
                distance += a * a + b * b + c * c + d * d;
                if (distance < least) {
                    least = distance;
                    best = at;
                }
            }
        }
    }
    const index = best / Coordinates;
    return { vertex: points.vertex[index], index };
}

/** scale · R · (template + Σ β directions) + t */
function BendVertices(flame: IFlame, { rotation: r, translation, scale, shape }: IBend, into: Float32Array): void {
    const numbers = flame.template.length;
    into.set(flame.template);
    for (let s = 0; s < shape.length; s++) {
        for (let i = 0; i < numbers; i++) {
            into[i] += shape[s] * flame.shapeDirs[s * numbers + i];
        }
    }
    for (let at = 0; at < numbers; at += 3) {
        const x = into[at];
        const y = into[at + 1];
        const z = into[at + 2];
        for (let row = 0; row < 3; row++) {
            into[at + row] = scale * (r[3 * row] * x + r[3 * row + 1] * y + r[3 * row + 2] * z) + translation[row];
        }
    }
}

interface ISurface {
    readonly moved: Float32Array;
    readonly normals: Float32Array;
    readonly isEye: Uint8Array;
    readonly skin: IPoints;
}

/** One step of Gauss and Newton: turn, move, scale and shape towards the nearest points. */
function SolveStep(flame: IFlame, head: HeadModel, bend: IBend, { moved, normals, isEye, skin }: ISurface): void {
    const count = 7 + bend.shape.length;
    const system = new Float64Array(count * count);
    const right = new Float64Array(count);
    const columns = new Float64Array(3 * count);
    const row = new Float64Array(count);
    const addRow = (weight: number, residual: number): void => {
        for (let i = 0; i < count; i++) {
            const weighted = weight * row[i];
            right[i] += weighted * residual;
            for (let j = 0; j <= i; j++) {
                system[i * count + j] += weighted * row[j];
            }
        }
    };
    const addPoint = (weight: number, gap: ArrayLike<number>): void => {
        for (let axis = 0; axis < 3; axis++) {
            for (let i = 0; i < count; i++) {
                row[i] = columns[axis * count + i];
            }
            addRow(weight, gap[axis]);
        }
    };
    const addPlane = (weight: number, normal: ArrayLike<number>, gap: ArrayLike<number>): void => {
        for (let i = 0; i < count; i++) {
            row[i] = columns[i] * normal[0] + columns[count + i] * normal[1] + columns[2 * count + i] * normal[2];
        }
        addRow(weight, gap[0] * normal[0] + gap[1] * normal[1] + gap[2] * normal[2]);
    };
    for (let v = 0; v < flame.vertexCount; v += Stride) {
        if (isEye[v]) {
            continue;
        }
        const { index } = Nearest(skin, flame, moved, normals, v);
        const at = Coordinates * index;
        const gap = [0, 1, 2].map((axis) => skin.place[at + axis] - moved[3 * v + axis]);
        const trust = 1 / (1 + (gap[0] ** 2 + gap[1] ** 2 + gap[2] ** 2) / Doubtful ** 2);
        const normal = [3, 4, 5].map((k) => skin.place[at + k] / (NormalMeters / 2));
        Columns(bend, moved.subarray(3 * v, 3 * v + 3), (s, axis) => DirectionAt(flame, s, v, axis), columns);
        addPlane(trust, normal, gap);
        addPoint(SlideWeight * trust, gap);
    }
    const numbers = flame.template.length;
    const joints = RegressJoints(flame, moved);
    const turned = Array.from(bend.shape, (_, s) =>
        RegressJoints(flame, flame.shapeDirs.subarray(s * numbers, (s + 1) * numbers)),
    );
    // The regressor's rows sum to one, so joints of moved vertices are moved joints.
    for (const joint of [LeftEye, RightEye]) {
        const gap = [0, 1, 2].map((axis) => head.joints[3 * joint + axis] - joints[3 * joint + axis]);
        Columns(bend, joints.subarray(3 * joint, 3 * joint + 3), (s, axis) => turned[s][3 * joint + axis], columns);
        addPoint(EyeWeight, gap);
    }
    const vertices = Math.ceil(flame.vertexCount / Stride);
    for (let i = 0; i < count; i++) {
        system[i * count + i] += 1e-9;
        if (i >= 7) {
            const weight = ShapeWeight * vertices * 1e-6;
            system[i * count + i] += weight;
            right[i] -= weight * bend.shape[i - 7];
        }
    }
    if (SolveCholesky(system, right, count)) {
        ApplyStep(bend, right);
    }
}

function DirectionAt({ shapeDirs, template }: IFlame, s: number, v: number, axis: number): number {
    return shapeDirs[s * template.length + 3 * v + axis];
}

/** [3,7+K] how a point moves with turn (about the origin), translation, scale and shape. */
function Columns(
    { rotation: r, translation, scale, shape }: IBend,
    point: ArrayLike<number>,
    direction: (s: number, axis: number) => number,
    into: Float64Array,
): void {
    const count = 7 + shape.length;
    into.fill(0);
    const [x, y, z] = [0, 1, 2].map((axis) => point[axis] - translation[axis]);
    const turn = [
        [0, z, -y],
        [-z, 0, x],
        [y, -x, 0],
    ];
    for (let axis = 0; axis < 3; axis++) {
        for (let k = 0; k < 3; k++) {
            into[axis * count + k] = turn[axis][k];
        }
        into[axis * count + 3 + axis] = 1;
        into[axis * count + 6] = [x, y, z][axis];
        for (let s = 0; s < shape.length; s++) {
            into[axis * count + 7 + s] =
                scale *
                (r[3 * axis] * direction(s, 0) + r[3 * axis + 1] * direction(s, 1) + r[3 * axis + 2] * direction(s, 2));
        }
    }
}

function ApplyStep(bend: IBend, step: Float64Array): void {
    const turn = RotationOf(step);
    const before = bend.rotation.slice();
    for (let row = 0; row < 3; row++) {
        for (let column = 0; column < 3; column++) {
            bend.rotation[3 * row + column] =
                turn[3 * row] * before[column] +
                turn[3 * row + 1] * before[3 + column] +
                turn[3 * row + 2] * before[6 + column];
        }
    }
    NearestRotation(bend.rotation);
    for (let axis = 0; axis < 3; axis++) {
        bend.translation[axis] += step[3 + axis];
    }
    bend.scale *= 1 + step[6];
    for (let s = 0; s < bend.shape.length; s++) {
        bend.shape[s] += step[7 + s];
    }
}

function RotationOf(step: Float64Array): Float64Array {
    const turn = new Float64Array(9);
    RotationOfAxisAngle(step[0], step[1], step[2], turn);
    return turn;
}

function FacesByVertex(head: HeadModel): number[][] {
    const faces = Array.from({ length: head.vertexCount }, (): number[] => []);
    for (let i = 0; i < head.faces.length; i++) {
        faces[head.faces[i]].push(Math.floor(i / 3));
    }
    return faces;
}

/** Writes the nearest point of some faces. @returns how far it is */
function OnSurface(
    head: HeadModel,
    candidates: readonly number[],
    moved: Float32Array,
    v: number,
    face: Int32Array,
    bary: Float32Array,
): number {
    let least = Infinity;
    for (const one of candidates) {
        const weights = NearestInTriangle(head, one, moved[3 * v], moved[3 * v + 1], moved[3 * v + 2]);
        let square = 0;
        for (let axis = 0; axis < 3; axis++) {
            let place = -moved[3 * v + axis];
            for (let corner = 0; corner < 3; corner++) {
                place += weights[corner] * head.template[3 * head.faces[3 * one + corner] + axis];
            }
            square += place * place;
        }
        if (square < least) {
            least = square;
            face[v] = one;
            bary.set(weights, 3 * v);
        }
    }
    return Math.sqrt(least);
}

/**
 * Barycentric coordinates of the point of a triangle that is nearest to (x, y, z), by the regions of its edges
 * (Ericson, Real-Time Collision Detection, 5.1.5).
 */
export function NearestInTriangle(
    { template, faces }: Pick<HeadModel, "template" | "faces">,
    face: number,
    x: number,
    y: number,
    z: number,
): [number, number, number] {
    const [a, b, c] = [3 * faces[3 * face], 3 * faces[3 * face + 1], 3 * faces[3 * face + 2]];
    const from = (at: number, to: number): [number, number, number] => [
        template[to] - template[at],
        template[to + 1] - template[at + 1],
        template[to + 2] - template[at + 2],
    ];
    const dot = (u: readonly number[], w: readonly number[]): number => u[0] * w[0] + u[1] * w[1] + u[2] * w[2];
    const to = (at: number): number[] => [x - template[at], y - template[at + 1], z - template[at + 2]];
    const [ab, ac] = [from(a, b), from(a, c)];
    const [d1, d2] = [dot(ab, to(a)), dot(ac, to(a))];
    if (d1 <= 0 && d2 <= 0) {
        return [1, 0, 0];
    }
    const [d3, d4] = [dot(ab, to(b)), dot(ac, to(b))];
    if (d3 >= 0 && d4 <= d3) {
        return [0, 1, 0];
    }
    const [d5, d6] = [dot(ab, to(c)), dot(ac, to(c))];
    if (d6 >= 0 && d5 <= d6) {
        return [0, 0, 1];
    }
    const vc = d1 * d4 - d3 * d2;
    if (vc <= 0 && d1 >= 0 && d3 <= 0) {
        const t = d1 / (d1 - d3);
        return [1 - t, t, 0];
    }
    const vb = d5 * d2 - d1 * d6;
    if (vb <= 0 && d2 >= 0 && d6 <= 0) {
        const t = d2 / (d2 - d6);
        return [1 - t, 0, t];
    }
    const va = d3 * d6 - d5 * d4;
    if (va <= 0 && d4 - d3 >= 0 && d5 - d6 >= 0) {
        const t = (d4 - d3) / (d4 - d3 + (d5 - d6));
        return [0, 1 - t, t];
    }
    const sum = va + vb + vc;
    return [va / sum, vb / sum, vc / sum];
}
