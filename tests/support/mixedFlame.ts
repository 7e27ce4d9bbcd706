/** A FLAME-shaped head whose expression directions are known mixes of the 52 expressions, so that answers are known. */
import type { HeadModel } from "../../src/flame/headModel";
import { TransferredExpressions } from "../../src/runtime/flame/flameExpressions";
import { ReadFlame, type IFlame } from "../../src/runtime/flame/flameFile";
import { RegisterHead } from "../../src/runtime/flame/registerHead";
import { MakeFlameShaped } from "./flameShaped";
import { WritePickle } from "./pythonFiles";

/** The expressions that are mixed. None of them turns the jaw. */
export const MixedNames = [
    "browDownLeft",
    "browInnerUp",
    "cheekPuff",
    "eyeBlinkLeft",
    "eyeBlinkRight",
    "mouthSmileLeft",
    "mouthSmileRight",
    "noseSneerLeft",
] as const;

/** @returns the head, and the coefficients that make weights of {@link MixedNames} */
export function MakeMixedFlame(head: HeadModel): {
    flame: IFlame;
    coefficientsOf: (weights: readonly number[]) => Float64Array;
} {
    const plain = ReadFlame(WritePickle(MakeFlameShaped({ shapeCount: 300, expressionCount: 0 })));
    const transferred = TransferredExpressions(plain, head, RegisterHead(plain, head));
    const numbers = plain.template.length;
    const n = MixedNames.length;
    // Householder's mirror: its own inverse, and none of its numbers is 0.
    const mix = (k: number, j: number): number => (k === j ? 1 : 0) - 2 / n;
    const expressionDirs = new Float32Array(n * numbers);
    for (let k = 0; k < n; k++) {
        MixedNames.forEach((name, j) => {
            const from = head.expressions.indexOf(name) * numbers;
            for (let i = 0; i < numbers; i++) {
                expressionDirs[k * numbers + i] += mix(k, j) * transferred[from + i];
            }
        });
    }
    return {
        flame: { ...plain, expressionCount: n, expressionDirs },
        coefficientsOf: (weights) =>
            Float64Array.from(MixedNames, (_, k) => weights.reduce((sum, weight, j) => sum + mix(k, j) * weight, 0)),
    };
}
