import {
    ResizeMap,
    SampleRectangle,
    type IPicture,
    type ISampling,
    type ITurnedRectangle,
} from "../../../../src/runtime/photo/picture";

/** A picture whose red is a plane: 100 + 3 x − 2 y at pixel centres; green is 255 − red, blue 40. */
function Plane(width: number, height: number): IPicture {
    const data = new Uint8ClampedArray(4 * width * height);
    for (let i = 0; i < width * height; i++) {
        const red = 100 + 3 * (i % width) - 2 * Math.floor(i / width);
        data.set([red, 255 - red, 40, 255], 4 * i);
    }
    return { data, width, height };
}

const Unit: ISampling = { size: 8, range: [0, 1], outside: "border" };

describe("pictures for networks", () => {
    it("sample a plane exactly where a turned rectangle says", () => {
        const picture = Plane(40, 30);
        const rectangle: ITurnedRectangle = { centerX: 21, centerY: 14, width: 20, height: 12, rotation: 0.7 };
        const values = SampleRectangle(picture, rectangle, Unit);
        expect(values.length).toBe(3 * 64);
        for (let i = 0; i < 64; i++) {
            const across = (((i % 8) + 0.5) / 8 - 0.5) * 20;
            const down = ((Math.floor(i / 8) + 0.5) / 8 - 0.5) * 12;
            const x = 21 + Math.cos(0.7) * across - Math.sin(0.7) * down;
            const y = 14 + Math.sin(0.7) * across + Math.cos(0.7) * down;
            const red = (100 + 3 * (x - 0.5) - 2 * (y - 0.5)) / 255;
            expect(values[i]).toBeCloseTo(red, 5);
            expect(values[64 + i]).toBeCloseTo(1 - red, 5);
            expect(values[128 + i]).toBeCloseTo(40 / 255, 5);
        }
    });

    it("take the four nearest pixels and no others", () => {
        const lone: IPicture = { data: new Uint8ClampedArray(4 * 12 * 10), width: 12, height: 10 };
        lone.data.set([255, 255, 255, 255], 4 * (3 * 12 + 5));
        const values = SampleRectangle(
            lone,
            { centerX: 6, centerY: 5, width: 12, height: 10, rotation: 0 },
            { ...Unit, size: 40 },
        );
        const tent = (distance: number): number => Math.max(0, 1 - Math.abs(distance));
        for (let i = 0; i < 1600; i++) {
            const [x, y] = [(((i % 40) + 0.5) * 12) / 40, ((Math.floor(i / 40) + 0.5) * 10) / 40];
            expect(values[i]).toBeCloseTo(tent(x - 5.5) * tent(y - 3.5), 6);
        }
    });

    it("are the picture itself where sizes agree", () => {
        const picture = Plane(8, 8);
        const values = SampleRectangle(picture, { centerX: 4, centerY: 4, width: 8, height: 8, rotation: 0 }, Unit);
        for (let i = 0; i < 64; i++) {
            expect(values[i]).toBeCloseTo(picture.data[4 * i] / 255, 6);
        }
    });

    it("go on beyond the border, or are black, in the range that is asked for", () => {
        const picture = Plane(8, 8);
        const beside = { centerX: -100, centerY: 4, width: 8, height: 8, rotation: 0 };
        const going = SampleRectangle(picture, beside, { ...Unit, range: [-1, 1] });
        const black = SampleRectangle(picture, beside, { ...Unit, range: [-1, 1], outside: "black" });
        for (let i = 0; i < 64; i++) {
            const edge = picture.data[4 * 8 * Math.floor(i / 8)]; // the row's first pixel
            expect(going[i]).toBeCloseTo(-1 + (2 * edge) / 255, 5);
        }
        expect(black.every((value) => value === -1)).toBeTrue();
        const wide = SampleRectangle(picture, { ...beside, centerX: 4, width: 16 }, { ...Unit, outside: "black" });
        const row = Array.from(wide.subarray(128, 136), (value) => Math.round(255 * value));
        expect(row).toEqual([0, 0, 40, 40, 40, 40, 0, 0]);
    });

    it("scale maps by planes exactly inside, and keep means", () => {
        const map = Float32Array.from({ length: 16 * 16 }, (_, i) => 0.3 + 0.01 * (i % 16) - 0.02 * Math.floor(i / 16));
        for (const size of [8, 16, 32, 37]) {
            const values = ResizeMap(map, 16, size);
            expect(values.length).toBe(size * size);
            for (let row = 1; row < size - 1; row++) {
                for (let column = 1; column < size - 1; column++) {
                    const [x, y] = [column, row].map((index) => ((index + 0.5) * 16) / size - 0.5);
                    expect(values[row * size + column]).toBeCloseTo(0.3 + 0.01 * x - 0.02 * y, 5);
                }
            }
        }
        expect(ResizeMap(map, 16, 16)).toEqual(map);
    });
});
