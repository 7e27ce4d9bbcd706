import {
    CanvasTransform,
    CropFromLandmarks,
    CropFromPhoto,
    EdgeBelow,
    PhotoFromCrop,
    type ICrop,
} from "../../../../src/runtime/photo/crop";

/**
 * 478 landmarks of which only the eight that place the crop matter. Points: right eye corners, left eye corners, mouth
 * corners.
 */
function Landmarks(points: Record<number, [number, number]>): Float32Array {
    const all = new Float32Array(478 * 3).fill(NaN);
    for (const [index, [x, y]] of Object.entries(points)) {
        all.set([x, y, 0], 3 * Number(index));
    }
    return all;
}

/** A face with eyes `eyes` apart, the mouth `mouth` below them, turned by `roll`, in the middle of (cx, cy). */
function Face(cx: number, cy: number, eyes: number, mouth: number, roll: number): Float32Array {
    const place = (x: number, y: number): [number, number] => [
        cx + Math.cos(roll) * x - Math.sin(roll) * y,
        cy + Math.sin(roll) * x + Math.cos(roll) * y,
    ];
    const half = eyes / 2;
    return Landmarks({
        33: place(-half - 7, 0),
        133: place(-half + 7, 0),
        362: place(half - 7, 0),
        263: place(half + 7, 0),
        61: place(-15, mouth),
        291: place(15, mouth),
    });
}

describe("photo crop", () => {
    it("is 5.2 eye distances wide for a frontal face, centred 2 % below the eyes", () => {
        const crop = CropFromLandmarks(Face(200, 300, 60, 60, 0), 3);
        expect(crop.sidePx).toBeCloseTo(312, 3);
        expect(crop.centerX).toBeCloseTo(200, 3);
        expect(crop.centerY).toBeCloseTo(300 + 0.02 * 312, 3);
        expect([crop.cosRoll, crop.sinRoll]).toEqual([1, 0]);
    });

    it("is 4.8 eye-to-mouth distances wide when those are longer", () => {
        expect(CropFromLandmarks(Face(0, 0, 60, 70, 0), 3).sidePx).toBeCloseTo(336, 3);
    });

    it("levels a rolled head: eyes and mouth come to the same crop coordinates at every angle", () => {
        const upright = CropFromLandmarks(Face(400, 300, 60, 62, 0), 3);
        const eye = CropFromPhoto(upright, 370, 300);
        for (const roll of [-2.8, -1.2, -0.3, 0.01, 0.7, 1.57, 3.1]) {
            const crop = CropFromLandmarks(Face(400, 300, 60, 62, roll), 3);
            const [x, y] = CropFromPhoto(crop, 400 - 30 * Math.cos(roll), 300 - 30 * Math.sin(roll));
            expect(x).toBeCloseTo(eye[0], 5);
            expect(y).toBeCloseTo(eye[1], 5);
            expect(x).toBeLessThan(0.5); // the head's right eye is on the left
        }
    });

    it("takes the vertical from the mouth when the face is seen from the side", () => {
        const tilted = Face(0, 0, 8, 60, 0.4);
        const crop = CropFromLandmarks(tilted, 3);
        expect(Math.atan2(crop.sinRoll, crop.cosRoll)).toBeCloseTo(0.4, 5);
        const profile = Face(0, 0, 15, 60, 0); // eye ratio 0.25, and 0.27 with the change below
        profile[3 * 263 + 1] = 9; // an eye corner that is off does not tilt the crop
        expect(Math.abs(CropFromLandmarks(profile, 3).sinRoll)).toBeLessThan(0.05);
    });

    it("maps there and back, and as the canvas does", () => {
        const crop: ICrop = { centerX: 123, centerY: 77, sidePx: 250, cosRoll: Math.cos(0.3), sinRoll: Math.sin(0.3) };
        const [a, b, c, d, e, f] = CanvasTransform(crop, 128);
        for (const [x, y] of [
            [0, 0],
            [123, 77],
            [300.5, -20],
        ]) {
            const [u, v] = CropFromPhoto(crop, x, y);
            const [backX, backY] = PhotoFromCrop(crop, u, v);
            expect(backX).toBeCloseTo(x, 9);
            expect(backY).toBeCloseTo(y, 9);
            expect(a * x + c * y + e).toBeCloseTo(128 * u, 9);
            expect(b * x + d * y + f).toBeCloseTo(128 * v, 9);
        }
        expect(CropFromPhoto(crop, 123, 77)).toEqual([0.5, 0.5]);
        const [u, v] = CropFromPhoto(crop, 123 + 125 * Math.cos(0.3), 77 + 125 * Math.sin(0.3));
        expect(u).toBeCloseTo(1, 12); // half a side along the rolled x axis is the right edge
        expect(v).toBeCloseTo(0.5, 12);
    });

    it("refuses landmarks that fall together", () => {
        expect(() => CropFromLandmarks(new Float32Array(478 * 3), 3)).toThrowError(/one point/);
    });

    it("goes on with the edge that lies below the head, whichever way the photo lies", () => {
        const sides = [
            { roll: 0.3, edge: [0, 299, 400, 1], reach: [0, 299, 400, 101] },
            { roll: Math.PI / 2, edge: [0, 0, 1, 300], reach: [-100, 0, 101, 300] },
            { roll: Math.PI, edge: [0, 0, 400, 1], reach: [0, -100, 400, 101] },
            { roll: -Math.PI / 2, edge: [399, 0, 1, 300], reach: [399, 0, 101, 300] },
        ];
        for (const { roll, edge, reach } of sides) {
            const crop: ICrop = {
                centerX: 200,
                centerY: 150,
                sidePx: 100,
                cosRoll: Math.cos(roll),
                sinRoll: Math.sin(roll),
            };
            expect(EdgeBelow(crop, 400, 300))
                .withContext(`roll ${roll}`)
                .toEqual({ edge, reach } as ReturnType<typeof EdgeBelow>);
        }
    });
});
