/**
 * What lies around the face detector, BlazeFace for short range (Bazarevsky et al. 2019, arXiv:1907.05047): its
 * anchors, what its numbers mean, one face from many boxes, and the rectangle in which landmarks are looked for.
 * Settings are those of MediaPipe's graph.
 */
import type { ITurnedRectangle } from "./picture.js";

/** Edge of the detector's picture in pixels. */
export const DetectorSize = 128;
/** Cells along an edge and anchors per cell, by layer. */
const Layers = [
    { cells: 16, anchors: 2 },
    { cells: 8, anchors: 6 },
] as const;
/** Numbers per anchor: x, y, width and height of the box, then x and y of six points. */
const BoxLength = 16;
/** Points of a face: right eye, left eye (the head's own), nose tip, mouth, right ear, left ear. */
const PointCount = 6;
/** Least probability of a face. */
const LeastScore = 0.5;
/** Boxes that share more than this part of their union are one face. */
const SameFace = 0.3;
/** The landmarks' rectangle is this much larger than the box. */
const RectangleScale = 1.5;
/** Rectangles that share more than this part of their union show one face. */
const SameRectangle = 0.5;

/** A found face, in parts of the detector's picture. */
export interface IFaceBox {
    /** Probability, 0.5 to 1. */
    score: number;
    left: number;
    top: number;
    right: number;
    bottom: number;
    /** x, y of six points. */
    points: Float32Array;
}

/** @returns `[896,2]`: the centre of each anchor in parts of the picture, in the order of the detector's outputs */
export function DetectorAnchors(): Float32Array {
    const centres: number[] = [];
    for (const { cells, anchors } of Layers) {
        for (let cell = 0; cell < cells * cells; cell++) {
            for (let anchor = 0; anchor < anchors; anchor++) {
                centres.push(((cell % cells) + 0.5) / cells, (Math.floor(cell / cells) + 0.5) / cells);
            }
        }
    }
    return Float32Array.from(centres);
}

/**
 * Reads the detector's outputs.
 * @param boxes `[896,16]` in pixels of the detector's picture, relative to each anchor
 * @param scores `[896]` before the sigmoid
 * @returns the boxes that are faces, the surest first
 */
export function DecodeBoxes(boxes: Float32Array, scores: Float32Array): IFaceBox[] {
    const anchors = DetectorAnchors();
    const found: IFaceBox[] = [];
    for (let anchor = 0; anchor < scores.length; anchor++) {
        const score = 1 / (1 + Math.exp(-scores[anchor]));
        if (!(score >= LeastScore)) {
            continue;
        }
        const at = (k: number): number => boxes[BoxLength * anchor + k] / DetectorSize;
        const [anchorX, anchorY] = [anchors[2 * anchor], anchors[2 * anchor + 1]];
        const [x, y, width, height] = [anchorX + at(0), anchorY + at(1), at(2), at(3)];
        if (!(width >= 0 && height >= 0)) {
            continue;
        }
        const points = Float32Array.from(
            { length: 2 * PointCount },
            (_, k) => at(4 + k) + (k % 2 === 0 ? anchorX : anchorY),
        );
        found.push({
            score,
            left: x - width / 2,
            top: y - height / 2,
            right: x + width / 2,
            bottom: y + height / 2,
            points,
        });
    }
    return found.sort((a, b) => b.score - a.score);
}

/**
 * Makes one face of boxes that overlap: their mean, weighted by score. That is steadier than the surest alone.
 * @param boxes the surest first
 * @returns one per face, the surest first
 */
export function MergeBoxes(boxes: readonly IFaceBox[]): IFaceBox[] {
    const faces: IFaceBox[] = [];
    let rest = [...boxes];
    while (rest.length > 0) {
        const surest = rest[0];
        const same = rest.filter((box) => box === surest || SharedPart(box, surest) > SameFace);
        rest = rest.filter((box) => !same.includes(box));
        const total = same.reduce((sum, { score }) => sum + score, 0);
        const mean = (value: (box: IFaceBox) => number): number =>
            same.reduce((sum, box) => sum + box.score * value(box), 0) / total;
        faces.push({
            score: surest.score,
            left: mean((box) => box.left),
            top: mean((box) => box.top),
            right: mean((box) => box.right),
            bottom: mean((box) => box.bottom),
            points: surest.points.map((_, k) => mean((box) => box.points[k])),
        });
    }
    return faces;
}

/**
 * Where to look for landmarks: a square around the box, turned so that the eyes are level.
 * @param square where the detector's picture lies, not turned
 */
export function RectangleOfFace(face: IFaceBox, square: ITurnedRectangle): ITurnedRectangle {
    const x = (u: number): number => square.centerX + (u - 0.5) * square.width;
    const y = (v: number): number => square.centerY + (v - 0.5) * square.height;
    const [rightX, rightY, leftX, leftY] = face.points;
    const edge = RectangleScale * Math.max(x(face.right) - x(face.left), y(face.bottom) - y(face.top));
    return {
        centerX: x((face.left + face.right) / 2),
        centerY: y((face.top + face.bottom) / 2),
        width: edge,
        height: edge,
        rotation: Math.atan2(y(leftY) - y(rightY), x(leftX) - x(rightX)),
    };
}

/** Leaves out rectangles that a later one covers, their turn not counted: two boxes can grow into one face. */
export function WithoutDoubles(rectangles: readonly ITurnedRectangle[]): ITurnedRectangle[] {
    const upright = ({ centerX, centerY, width, height }: ITurnedRectangle): IEdges => ({
        left: centerX - width / 2,
        right: centerX + width / 2,
        top: centerY - height / 2,
        bottom: centerY + height / 2,
    });
    return rectangles.filter(
        (rectangle, i) =>
            !rectangles.slice(i + 1).some((later) => SharedPart(upright(rectangle), upright(later)) > SameRectangle),
    );
}

type IEdges = Pick<IFaceBox, "left" | "top" | "right" | "bottom">;

/** Intersection over union. */
function SharedPart(a: IEdges, b: IEdges): number {
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    if (width <= 0 || height <= 0) {
        return 0;
    }
    const area = (box: IEdges): number => (box.right - box.left) * (box.bottom - box.top);
    return (width * height) / (area(a) + area(b) - width * height);
}
