/**
 * Shuts the lips of a person's surface. Gaussians of lips are thick and meet where their middles are millimeters apart;
 * a mesh has no thickness, and would show teeth between lips at rest. Vertices of the two lips that touch on the head
 * model's template meet half way, and what is around them follows.
 */
import type { HeadModel } from "../../flame/headModel.js";
import { JointCount, ModelJointNames } from "../../flame/headModel.js";

/** Meters between vertices of two lips that touch. Ours, as all of these. */
const Touching = 0.0012;
/** Meters: a lip moves by no more. What stands farther apart is an open mouth. */
const MostMove = 0.003;
/** Meters from what touches, in one standard deviation of how far a lip follows. */
const Reach = 0.004;
const JawJoint = ModelJointNames.indexOf("jaw");
/** Of 255: vertices of the lower lip hang on the jaw by more. */
const JawWeight = 128;

/** A place on one of the lips, and where it goes. */
interface ITouch {
    readonly vertex: number;
    readonly move: readonly [number, number, number];
}

/**
 * @param vertices [V,3] the person at rest
 * @returns [V,3] the same with shut lips, new
 */
export function ShutLips(model: HeadModel, vertices: ArrayLike<number>): Float32Array {
    const shut = Float32Array.from(vertices);
    const isLower = (vertex: number): boolean => model.weights[JointCount * vertex + JawJoint] >= JawWeight;
    const lips = VerticesOf(model, ["lips"]);
    const [upper, lower] = [lips.filter((vertex) => !isLower(vertex)), lips.filter(isLower)];
    const touches = { upper: Touches(model, vertices, upper, lower), lower: Touches(model, vertices, lower, upper) };
    for (const vertex of VerticesOf(model, ["lips", "face", "mouthInterior"])) {
        Follow(model, vertex, isLower(vertex) ? touches.lower : touches.upper, shut);
    }
    return shut;
}

function VerticesOf({ faces, faceRegion, regions }: HeadModel, names: readonly string[]): number[] {
    return [...new Set(Array.from(faces).filter((_, i) => names.includes(regions[faceRegion[Math.floor(i / 3)]])))];
}

/** Vertices of one lip that touch the other on the template, and half of their way to what they touch. */
function Touches(
    { template }: HeadModel,
    vertices: ArrayLike<number>,
    own: readonly number[],
    other: readonly number[],
): ITouch[] {
    return own.flatMap((vertex) => {
        const distances = other.map((at) => Distance(template, vertex, at));
        const least = Math.min(...distances);
        if (!(least < Touching)) {
            return [];
        }
        const partner = other[distances.indexOf(least)];
        const way = [0, 1, 2].map((axis) => (vertices[3 * partner + axis] - vertices[3 * vertex + axis]) / 2);
        const length = Math.hypot(...way);
        const share = length > MostMove ? MostMove / length : 1;
        return [{ vertex, move: [share * way[0], share * way[1], share * way[2]] as const }];
    });
}

/** Moves a vertex as what touches near it does, the less the farther. */
function Follow({ template }: HeadModel, vertex: number, touches: readonly ITouch[], vertices: Float32Array): void {
    let [sum, most] = [0, 0];
    const move = [0, 0, 0];
    for (const touch of touches) {
        const weight = Math.exp(-0.5 * (Distance(template, vertex, touch.vertex) / Reach) ** 2);
        sum += weight * weight;
        most = Math.max(most, weight);
        move.forEach((_, axis) => (move[axis] += weight * weight * touch.move[axis]));
    }
    for (let axis = 0; sum > 0 && axis < 3; axis++) {
        vertices[3 * vertex + axis] += (most * move[axis]) / sum;
    }
}

function Distance(places: ArrayLike<number>, a: number, b: number): number {
    return Math.hypot(
        places[3 * a] - places[3 * b],
        places[3 * a + 1] - places[3 * b + 1],
        places[3 * a + 2] - places[3 * b + 2],
    );
}
