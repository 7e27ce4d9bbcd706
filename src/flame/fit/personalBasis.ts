/** The landmark basis of one known person: identity is no longer an unknown, and what is left beside it is added. */
import type { LandmarkBasis } from "./landmarkBasis.js";

/**
 * Puts an identity into a basis.
 * @param basis of the head model
 * @param shape [S] identity coefficients
 * @param offset [L,3] what each landmark is moved by beside them, canonical, meters
 * @returns a basis without identity directions
 */
export function PersonalBasis(
    basis: LandmarkBasis,
    shape: ArrayLike<number>,
    offset: ArrayLike<number>,
): LandmarkBasis {
    const { shapeCount, expressionCount, landmarkCount, termStart, termJoint } = basis;
    const columns = 1 + shapeCount + expressionCount;
    const turned = new Float64Array(3 * (1 + expressionCount) * termJoint.length);
    const fixed = new Float64Array(3 * termJoint.length);
    const sum = (from: Float64Array, at: number, axis: number): number => {
        let value = from[at + axis];
        for (let s = 0; s < shapeCount; s++) {
            value += shape[s] * from[at + 3 * (1 + s) + axis];
        }
        return value;
    };
    for (let i = 0; i < landmarkCount; i++) {
        for (let term = termStart[i]; term < termStart[i + 1]; term++) {
            const [from, to] = [3 * term * columns, 3 * term * (1 + expressionCount)];
            for (let axis = 0; axis < 3; axis++) {
                // All of the offset moves with the landmark's largest joint; at rest it makes no difference which.
                const moved = term === LargestTerm(basis, i) ? offset[3 * i + axis] : 0;
                turned[to + axis] = sum(basis.turned, from, axis) + moved;
                fixed[3 * term + axis] = sum(basis.fixed, 3 * term * (1 + shapeCount), axis);
            }
            const expressions = from + 3 * (1 + shapeCount);
            turned.set(basis.turned.subarray(expressions, expressions + 3 * expressionCount), to + 3);
        }
    }
    return { ...basis, shapeCount: 0, turned, fixed };
}

/** The term of a landmark with the largest share of it. */
function LargestTerm({ termStart, weight }: LandmarkBasis, landmark: number): number {
    let largest = termStart[landmark];
    for (let term = largest; term < termStart[landmark + 1]; term++) {
        if (weight[term] > weight[largest]) {
            largest = term;
        }
    }
    return largest;
}
