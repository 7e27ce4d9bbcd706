import {
    FaceFinder,
    type FaceGraphName,
    type IFaceNetworks,
    type IPersonMask,
} from "../../../../src/runtime/photo/faceFinder";
import { Mirrored, type IPicture } from "../../../../src/runtime/photo/picture";

/** Edges of what the network for classes and the one for the matte see. */
const [Size, MatteSize] = [320, 256];
const Plane = Size * Size;
/** In the middles of a picture's four columns, in one row. */
const [Inside, Second, Third, Outside] = [1, 3, 5, 7].map((eighths) => 100 * Size + (eighths * Size) / 8);

/**
 * A network that sees each class where the picture has a color, but is wrong by `slant` times the column: half a
 * picture looks different in the mirror.
 */
class ColorReader implements IFaceNetworks {
    public readonly runs: { name: FaceGraphName; image: Float32Array }[] = [];

    /** @param _matte what the other network says of every pixel; null: the same as this one */
    public constructor(
        private readonly _slant = 0,
        private readonly _matte: number | null = null,
    ) {}

    public runFaceGraphAsync(name: FaceGraphName, image: Float32Array): Promise<Record<string, Float32Array>> {
        this.runs.push({ name, image });
        const size = name === "matte" ? MatteSize : Size;
        const plane = size * size;
        const classes = new Float32Array(5 * plane);
        const alpha = new Float32Array(plane);
        for (let i = 0; i < plane; i++) {
            const slant = this._slant * ((i % size) / (size - 1) - 0.5);
            const [hair, skin, clothes] = [0, 1, 2].map((k) => image[k * plane + i]);
            [hair, 0.75 * skin, 0.25 * skin, clothes + slant].forEach((value, k) => (classes[k * plane + i] = value));
            classes[4 * plane + i] = 1 - hair - skin - clothes - slant;
            alpha[i] = hair + skin + clothes + slant;
        }
        if (name === "matte") {
            return Promise.resolve({ mask: this._matte === null ? alpha : alpha.fill(this._matte) });
        }
        return Promise.resolve({ classes, alpha });
    }
}

/** Four columns: red, green, blue, black. */
const Stripes: IPicture = {
    data: Uint8ClampedArray.from({ length: 4 * 4 * 4 }, (_, i) => (i % 4 === 3 || i % 4 === (i >> 2) % 4 ? 255 : 0)),
    width: 4,
    height: 4,
};

async function SeeAsync(networks: IFaceNetworks): Promise<Required<IPersonMask>> {
    return (await new FaceFinder(networks).findPersonAsync(Stripes)) as Required<IPersonMask>;
}

describe("persons in a picture", () => {
    it("have hair, skin of face and body, and clothes, in this order, which add up to the person where the network says so", async () => {
        const networks = new ColorReader();
        const { mask, classes, size } = await SeeAsync(networks);
        expect(networks.runs.map(({ name }) => name)).toEqual(["matte", "classes", "classes"]);
        expect(size).toBe(Size);
        expect(classes.map((plane) => plane.length)).toEqual([Plane, Plane, Plane]);
        const rounded = (value: number): number => Math.round(10 * value) / 10;
        const middles = [Inside, Second, Third, Outside];
        expect(middles.map((i) => rounded(mask[i]))).toEqual([1, 1, 1, 0]);
        expect(classes.map((plane) => middles.map((i) => rounded(plane[i])))).toEqual([
            [1, 0, 0, 0],
            [0, 1, 0, 0],
            [0, 0, 1, 0],
        ]);
        let worst = 0;
        for (let i = 0; i < Plane; i++) {
            worst = Math.max(worst, Math.abs(classes[0][i] + classes[1][i] + classes[2][i] - mask[i]));
        }
        expect(worst).toBeLessThan(0.005); // no network is surer than 0.001, MediaPipe's of a person than 0.02
    });

    it("are where both networks say so: who is sure counts more, MediaPipe's less so of a person", async () => {
        const maskOf = async (matte: number): Promise<number[]> => {
            const { mask } = await SeeAsync(new ColorReader(0, matte));
            return [mask[Inside], mask[Outside]];
        };
        const [sure, unsure, against] = [await maskOf(1), await maskOf(0.5), await maskOf(0)];
        expect(sure[0]).toBeCloseTo(0.999, 2);
        expect(sure[1]).toBeCloseTo(0.18, 2);
        expect(unsure[0]).toBeGreaterThan(0.9);
        expect(unsure[1]).toBeLessThan(0.1);
        expect(against[0]).toBeCloseTo(0.5, 1);
    });

    it("are seen in the mirror too: what the network says of one side only is halved away", async () => {
        const networks = new ColorReader(0.4);
        const { classes } = await SeeAsync(networks);
        const fair = await SeeAsync(new ColorReader());
        const [, first, second] = networks.runs.map(({ image }) => image);
        const inMirror = Mirrored(first, Size);
        expect(second.every((value, i) => value === inMirror[i])).toBeTrue();
        expect(second.some((value, i) => value !== first[i])).toBeTrue();
        for (const [seen, wanted] of [
            [classes[0], fair.classes[0]],
            [classes[2], fair.classes[2]],
        ]) {
            expect(seen.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0)).toBeLessThan(1e-6);
        }
    });
});
