import {
    DecodeBoxes,
    DetectorAnchors,
    MergeBoxes,
    RectangleOfFace,
    WithoutDoubles,
    type IFaceBox,
} from "../../../../src/runtime/photo/faceDetector";
import type { ITurnedRectangle } from "../../../../src/runtime/photo/picture";

const AnchorCount = 896;

/** The detector's outputs with some anchors set: score before the sigmoid, and the numbers of the box. */
function Outputs(set: Record<number, { score: number; box: number[] }>): [Float32Array, Float32Array] {
    const boxes = new Float32Array(16 * AnchorCount);
    const scores = new Float32Array(AnchorCount).fill(-50);
    for (const [anchor, { score, box }] of Object.entries(set)) {
        boxes.set(box, 16 * Number(anchor));
        scores[Number(anchor)] = score;
    }
    return [boxes, scores];
}

function Box(left: number, top: number, edge: number, score: number): IFaceBox {
    return {
        score,
        left,
        top,
        right: left + edge,
        bottom: top + edge,
        points: Float32Array.from({ length: 12 }, (_, k) => left + 0.01 * k),
    };
}

function Square(centerX: number, centerY: number, edge: number): ITurnedRectangle {
    return { centerX, centerY, width: edge, height: edge, rotation: 0 };
}

describe("face detector", () => {
    it("has two anchors in each cell of 16×16 and six in each of 8×8", () => {
        const anchors = DetectorAnchors();
        expect(anchors.length).toBe(2 * AnchorCount);
        expect(Array.from(anchors.subarray(0, 6))).toEqual([1 / 32, 1 / 32, 1 / 32, 1 / 32, 3 / 32, 1 / 32]);
        expect(Array.from(anchors.subarray(64, 66))).toEqual([1 / 32, 3 / 32]); // the second row
        expect(Array.from(anchors.subarray(1024, 1026))).toEqual([1 / 16, 1 / 16]);
        expect(Array.from(anchors.subarray(1036, 1038))).toEqual([3 / 16, 1 / 16]);
        expect(Array.from(anchors.subarray(1790))).toEqual([15 / 16, 15 / 16]);
        const mean = (axis: number): number =>
            anchors.filter((_, i) => i % 2 === axis).reduce((sum, value) => sum + value, 0) / AnchorCount;
        expect([mean(0), mean(1)]).toEqual([0.5, 0.5]);
    });

    it("reads boxes and points in pixels beside their anchor", () => {
        const points = Array.from({ length: 12 }, (_, k) => k - 6);
        const [box] = DecodeBoxes(...Outputs({ 895: { score: 0, box: [-8, 4, 32, 16, ...points] } }));
        expect(box.score).toBe(0.5);
        const [x, y] = [15 / 16 - 8 / 128, 15 / 16 + 4 / 128];
        expect([box.left, box.right]).toEqual([x - 16 / 128, x + 16 / 128]);
        expect([box.top, box.bottom]).toEqual([y - 8 / 128, y + 8 / 128]);
        expect(Array.from(box.points)).toEqual(points.map((value) => 15 / 16 + value / 128));
    });

    it("leaves out what is no face and boxes turned inside out, and puts the surest first", () => {
        const box = [0, 0, 20, 20, ...new Array<number>(12).fill(0)];
        const outputs = Outputs({
            3: { score: 1, box },
            4: { score: -0.01, box },
            5: { score: 9, box: [0, 0, -20, 20, ...box.slice(4)] },
            700: { score: 3, box },
            800: { score: NaN, box },
        });
        const scores = DecodeBoxes(...outputs).map(({ score }) => score);
        expect(scores.length).toBe(2);
        expect(scores[0]).toBeCloseTo(1 / (1 + Math.exp(-3)), 6);
        expect(scores[1]).toBeCloseTo(1 / (1 + Math.exp(-1)), 6);
    });

    it("makes one face of boxes that overlap, weighted by score, and keeps others apart", () => {
        const faces = MergeBoxes([Box(0.1, 0.1, 0.2, 0.9), Box(0.6, 0.6, 0.2, 0.8), Box(0.14, 0.1, 0.2, 0.6)]);
        expect(faces.map(({ score }) => score)).toEqual([0.9, 0.8]);
        const x = (0.9 * 0.1 + 0.6 * 0.14) / 1.5;
        expect(faces[0].left).toBeCloseTo(x, 6);
        expect(faces[0].right).toBeCloseTo(x + 0.2, 6);
        expect(faces[0].points[5]).toBeCloseTo(x + 0.05, 6);
        expect(faces[1].left).toBeCloseTo(0.6, 6);
        expect(MergeBoxes([])).toEqual([]);
    });

    it("tells boxes apart that share 0.3 of their union, and joins those that share more", () => {
        // Two squares of edge 1, one moved by d: (1 − d) / (1 + d) is 0.3 at d = 7/13.
        for (const [move, count] of [
            [7 / 13 + 1e-4, 2],
            [7 / 13 - 1e-4, 1],
        ]) {
            expect(MergeBoxes([Box(0, 0, 1, 0.9), Box(move, 0, 1, 0.8)]).length)
                .withContext(`moved by ${move}`)
                .toBe(count);
        }
    });

    it("looks for landmarks in a square 1.5 times as large, turned so that the eyes are level", () => {
        const face = { ...Box(0.4, 0.3, 0.2, 1), bottom: 0.4 };
        face.points.set([0.4, 0.4, 0.5, 0.5]); // the head's right eye left above its left eye
        const { centerX, centerY, width, height, rotation } = RectangleOfFace(face, Square(320, 240, 640));
        expect(centerX).toBeCloseTo(0.5 * 640, 3);
        expect(centerY).toBeCloseTo(240 + (0.35 - 0.5) * 640, 3);
        expect(width).toBeCloseTo(1.5 * 0.2 * 640, 3); // the longer edge of the box
        expect(height).toBe(width);
        expect(rotation).toBeCloseTo(Math.PI / 4, 6);
        face.points.set([0.6, 0.4, 0.5, 0.4]);
        expect(Math.abs(RectangleOfFace(face, Square(320, 240, 640)).rotation)).toBeCloseTo(Math.PI, 6); // upside down
    });

    it("drops a rectangle that a later one covers by more than half", () => {
        const [first, second, far] = [Square(0, 0, 10), Square(3, 0, 10), Square(50, 0, 10)]; // 70 / 130 of the union
        expect(WithoutDoubles([first, far, second])).toEqual([far, second]);
        const beside = Square(4, 0, 10); // 60 / 140
        expect(WithoutDoubles([first, beside])).toEqual([first, beside]);
        const turned = { ...first, rotation: 2 };
        expect(WithoutDoubles([first, turned])).toEqual([turned]);
    });
});
