/** One frame as JSON, or as what a tracker hands over: a list of numbers, names with numbers, a result of MediaPipe. */

/** Told each value of a frame. */
export type TakeValue = (name: string, value: number) => void;

type Json = Readonly<Record<string, unknown>>;

const AngleColumns = ["HeadYaw", "HeadPitch", "HeadRoll"];
const TimeKeys = ["time", "timeCode", "timestamp", "timestampMs", "t"];

/**
 * Reads one frame.
 * @param frame `[0.1, …]`, `{ jawOpen: 0.1, … }`, `{ weights: […] }`, `{ blendShapes: {…} }`, or MediaPipe's
 * `FaceLandmarkerResult`, from JavaScript or Python
 * @param names of the numbers in lists
 * @param take is told each value
 * @returns the time it says, as it is there, NaN if it says none, or null if it is no frame
 */
export function ReadResult(frame: unknown, names: readonly string[], take: TakeValue): number | null {
    if (IsList(frame)) {
        return ReadList(frame, names, take) ? NaN : null;
    }
    if (typeof frame !== "object" || frame === null) {
        return null;
    }
    const given = frame as Json;
    const timeKey = TimeKeys.find((key) => typeof given[key] === "number");
    const time = timeKey === undefined ? NaN : (given[timeKey] as number);
    const shapes = given.faceBlendshapes ?? given.face_blendshapes;
    if (shapes !== undefined) {
        ReadMatrix(given.facialTransformationMatrixes ?? given.facial_transformation_matrixes, take);
        return ReadCategories(shapes, take) ? time : null;
    }
    const inner =
        given.weights ?? given.blendshapes ?? given.blendShapes ?? given.expression ?? given.expressions ?? given.arkit;
    if (IsList(inner)) {
        return ReadList(inner, names, take) || ReadCategories([inner], take) ? time : null;
    }
    let count = 0;
    for (const [name, value] of Object.entries((inner as Json | undefined) ?? given)) {
        if (typeof value === "number" && name !== timeKey) {
            take(name, value);
            count++;
        }
    }
    return count > 0 ? time : null;
}

function IsList(value: unknown): value is ArrayLike<unknown> {
    return Array.isArray(value) || value instanceof Float32Array || value instanceof Float64Array;
}

/** The weights, and Live Link Face's angles if nine numbers more are there. */
function ReadList(list: ArrayLike<unknown>, names: readonly string[], take: TakeValue): boolean {
    if (list.length < names.length || typeof list[0] !== "number") {
        return false;
    }
    for (let at = 0; at < names.length; at++) {
        take(names[at], Number(list[at]));
    }
    if (list.length >= names.length + 9) {
        AngleColumns.forEach((name, at) => take(name, Number(list[names.length + at])));
    }
    return true;
}

/** The first face of MediaPipe's blendshapes. A result without a face is a frame in which nothing is said. */
function ReadCategories(shapes: unknown, take: TakeValue): boolean {
    if (!Array.isArray(shapes)) {
        return false;
    }
    const face = (shapes as unknown[])[0] as Json | readonly Json[] | undefined;
    const categories = Array.isArray(face) ? (face as unknown[]) : ((face as Json | undefined)?.categories ?? []);
    if (!Array.isArray(categories)) {
        return false;
    }
    for (const category of categories as (Json | null)[]) {
        const name = category?.categoryName ?? category?.category_name ?? category?.displayName;
        if (typeof name !== "string" || typeof category?.score !== "number") {
            return false;
        }
        take(name, category.score);
    }
    return categories.length > 0 || shapes.length === 0;
}

/** The head's turn from the first of MediaPipe's matrices: columns in JavaScript, rows in Python. */
function ReadMatrix(matrices: unknown, take: TakeValue): void {
    const first = (matrices as unknown[] | undefined)?.[0] as Json | readonly (readonly number[])[] | undefined;
    const data = (first as Json | undefined)?.data as ArrayLike<number> | undefined;
    const rows = Array.isArray(first) ? (first as readonly (readonly number[])[]) : null;
    const at = (row: number, column: number): number =>
        data ? data[4 * column + row] : (rows?.[row]?.[column] ?? NaN);
    const scale = Math.hypot(at(0, 2), at(1, 2), at(2, 2));
    if (scale > 0) {
        take("HeadYaw", Math.atan2(at(0, 2), at(2, 2)));
        take("HeadPitch", -Math.asin(Math.min(1, Math.max(-1, at(1, 2) / scale))));
        take("HeadRoll", Math.atan2(at(1, 0), at(1, 1)));
    }
}
