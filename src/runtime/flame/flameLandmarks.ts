/** Landmarks of a head model on a FLAME head that is registered to it. */
import { JointCount, type HeadModel } from "../../flame/headModel.js";
import { Landmarks68, MediaPipeLandmarks } from "../../flame/landmarks.js";
import type { ILandmarks } from "./flameCompanions.js";
import type { IFlame } from "./flameFile.js";
import { IsEye, NearestInTriangle, type IRegistration } from "./registerHead.js";

/** Meters that skin of jaw and skull are apart: landmarks of a lower lip stay on it. */
const JawMeters = 0.03;
const Jaw = 2;
/** Vertices whose faces are tried. */
const Candidates = 4;

/** Carries both sets of landmarks over; face −1 where the head model has none. */
export function CarryLandmarks(
    flame: IFlame,
    head: HeadModel,
    { face, bary }: IRegistration,
): { landmarks68: ILandmarks; mediaPipe: ILandmarks } {
    // Where FLAME's vertices lie on the head model: the mesh on which landmarks are looked for.
    const places = new Float32Array(3 * face.length);
    for (let i = 0; i < places.length; i++) {
        const v = Math.floor(i / 3);
        for (let corner = 0; corner < 3; corner++) {
            places[i] += bary[3 * v + corner] * head.template[3 * head.faces[3 * face[v] + corner] + (i % 3)];
        }
    }
    const facesOfVertex = Array.from({ length: flame.vertexCount }, (): number[] => []);
    flame.faces.forEach((v, i) => facesOfVertex[v].push(Math.floor(i / 3)));
    const isEye = Array.from({ length: flame.vertexCount }, (_, v) => IsEye(flame, v));
    const mesh = { template: places, faces: flame.faces };
    const carry = (points: Float32Array, faces: ArrayLike<number>, weights: Float32Array): ILandmarks => {
        const carried = { face: new Int32Array(faces.length).fill(-1), bary: new Float32Array(3 * faces.length) };
        for (let i = 0; i < faces.length; i++) {
            if (faces[i] < 0) {
                continue;
            }
            const [x, y, z] = points.subarray(3 * i, 3 * i + 3);
            const onEye = head.regions[head.faceRegion[faces[i]]].startsWith("eye");
            const jaw = JawWeight(head, faces[i], weights.subarray(3 * i, 3 * i + 3));
            const distance = (v: number): number =>
                (places[3 * v] - x) ** 2 +
                (places[3 * v + 1] - y) ** 2 +
                (places[3 * v + 2] - z) ** 2 +
                (JawMeters * (flame.weights[JointCount * v + Jaw] - jaw)) ** 2;
            const near = NearestVertices(flame.vertexCount, (v) => (isEye[v] === onEye ? distance(v) : Infinity));
            let least = Infinity;
            for (const one of new Set(near.flatMap((v) => facesOfVertex[v]))) {
                const found = NearestInTriangle(mesh, one, x, y, z);
                const gap = [x, y, z].map((value, axis) =>
                    found.reduce(
                        (rest, w, corner) => rest - w * places[3 * flame.faces[3 * one + corner] + axis],
                        value,
                    ),
                );
                const square = gap[0] ** 2 + gap[1] ** 2 + gap[2] ** 2;
                if (square < least) {
                    least = square;
                    carried.face[i] = one;
                    carried.bary.set(found, 3 * i);
                }
            }
        }
        return carried;
    };
    return {
        landmarks68: carry(Landmarks68(head, head.template), head.landmark68Face, head.landmark68Bary),
        mediaPipe: carry(MediaPipeLandmarks(head, head.template), head.mediaPipeFace, head.mediaPipeBary),
    };
}

function JawWeight(head: HeadModel, face: number, bary: Float32Array): number {
    return bary.reduce(
        (sum, weight, corner) => sum + (weight * head.weights[JointCount * head.faces[3 * face + corner] + Jaw]) / 255,
        0,
    );
}

function NearestVertices(count: number, distance: (v: number) => number): number[] {
    const near: { v: number; at: number }[] = [];
    for (let v = 0; v < count; v++) {
        const at = distance(v);
        if (near.length < Candidates || at < near[Candidates - 1].at) {
            near.push({ v, at });
            near.sort((a, b) => a.at - b.at);
            near.length = Math.min(near.length, Candidates);
        }
    }
    return near.map(({ v }) => v);
}
