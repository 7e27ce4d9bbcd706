/**
 * One matte of a person from two networks, MediaPipe's and ours, which err in different pictures. MediaPipe's is 0 or 1
 * nearly everywhere, also where it errs, so its certainty is limited: in what it takes for the person everywhere, in
 * what it takes for background only near the person. Far from there ours alone sees persons in flags and rockets. Twin:
 * training/classes/person.py.
 */
import { MeanOfSquares } from "./picture.js";

/** No network is surer than this. */
const LeastDoubt = 0.001;
/** MediaPipe's is not as sure that something is the person, */
const DoubtOfPerson = 0.02;
/** and near the person that something is background. */
const DoubtBeside = 0.02;
/** How far that reaches: edges of a square as large as the face. */
const Beside = 0.5;
/** What of the matte is so high is the person; what is lower parts pieces of it. */
const Parts = 0.35;

/**
 * Joins both, and leaves out what background parts from the person's face.
 * @param mediaPipe `[S,S]` 0..1
 * @param ours `[S,S]` 0..1
 * @param face `[S,S]` 0..1, skin of the face; where there is none, MediaPipe's is as sure as it is, and nothing is left
 * out
 * @returns a new `[S,S]`, the mean of both networks' log odds: who is sure counts more than who is not
 */
export function BothMattes(
    mediaPipe: Float32Array,
    ours: Float32Array,
    face: Float32Array,
    size: number,
): Float32Array<ArrayBuffer> {
    const edge = Math.sqrt(face.reduce((sum, value) => sum + value, 0));
    const reach = Math.round(Beside * edge);
    const person = mediaPipe.map((value) => (value > 0.5 ? 1 : 0));
    const around = reach > 0 ? MeanOfSquares(person, size, reach) : new Float32Array(person.length);
    const odds = (value: number, doubt: number, doubtOfPerson: number): number => {
        const share = Math.min(1 - doubtOfPerson, Math.max(doubt, value));
        return share / (1 - share);
    };
    const both = new Float32Array(person.length);
    for (let i = 0; i < both.length; i++) {
        const doubt = LeastDoubt * (DoubtBeside / LeastDoubt) ** Math.min(1, 2 * around[i]);
        const mean = Math.sqrt(odds(mediaPipe[i], doubt, DoubtOfPerson) * odds(ours[i], LeastDoubt, LeastDoubt));
        both[i] = mean / (1 + mean);
    }
    return WithoutApart(both, face, size);
}

/** The matte without pieces that do not touch the face's, and what is around them and nearer to them. */
function WithoutApart(matte: Float32Array<ArrayBuffer>, face: Float32Array, size: number): Float32Array<ArrayBuffer> {
    const [own, apart] = [1, 2];
    const piece = new Uint8Array(matte.length);
    const queue: number[] = [];
    const take = (i: number, as: number): void => {
        piece[i] = as;
        queue.push(i);
    };
    /** Every pixel that is reached takes the piece of the one that it is reached from. */
    const grow = (least: number): void => {
        for (let k = 0; k < queue.length; k++) {
            const i = queue[k];
            const column = i % size;
            for (const [next, isThere] of [
                [i - size, i >= size],
                [i - 1, column > 0],
                [i + 1, column < size - 1],
                [i + size, i + size < matte.length],
            ] as const) {
                if (isThere && piece[next] === 0 && matte[next] > least) {
                    take(next, piece[i]);
                }
            }
        }
    };
    for (let i = 0; i < matte.length; i++) {
        if (face[i] > 0.5 && matte[i] > 0.5) {
            take(i, own);
        }
    }
    if (queue.length === 0) {
        return matte;
    }
    grow(Parts);
    const count = queue.length;
    for (let i = 0; i < matte.length; i++) {
        if (piece[i] === 0 && matte[i] > Parts) {
            take(i, apart);
        }
    }
    if (queue.length > count) {
        grow(-Infinity);
    }
    return matte.map((value, i) => (piece[i] === apart ? 0 : value));
}
