// How the head is drawn in to the photo's outline: the same as the training side, and what must be true of it.
import { DrawInHead, DrawnIn, type IOutline } from "../../../../src/runtime/bust/headOutline";
import { BustHeadOf } from "../../../../src/runtime/bust/head";
import { ToCamera } from "../../../../src/flame/fit/camera";
import { TexelTableOf } from "../../../../src/flame/personalHead";
import type { IBustHead } from "../../../../src/runtime/bust/bustInput";
import { BustFixtureAsync } from "../../../support/bustFixture";
import { OpenHeadAsync } from "../../../support/heads";

interface IFixture {
    focal: number;
    t: number[];
    R: number[];
    size: number;
    first: number;
    ellipse: [across: number, up: number, height: number, shift: number];
    every: number;
    moves: string;
}

describe("a head that stands out of the photo", () => {
    let fixture: IFixture;
    let outline: IOutline;
    let head: IBustHead;

    beforeAll(async () => {
        fixture = (await (await fetch("/repo/tests/fixtures/outline.json")).json()) as IFixture;
        const { focal, t, R, size, first, ellipse } = fixture;
        const [across, up, height, shift] = ellipse;
        outline = {
            camera: { rotation: Float64Array.from(R), translation: Float64Array.from(t), focal },
            matte: Float32Array.from({ length: size * size }, (_, i) => {
                const x = (((i % size) + 0.5) / size - 0.5) * (-t[2] / focal) - t[0];
                const y = (0.5 - (Math.floor(i / size) + 0.5) / size) * (-t[2] / focal) - t[1];
                const far = Math.hypot((x - shift) / across, (y - height) / up);
                return Math.min(1, Math.max(0, 0.5 + 10 * (1 - far)));
            }),
            inside: Float32Array.from({ length: size * size }, (_, i) => Number((i % size) + 0.5 > first)),
            size,
        };
        head = (await BustFixtureAsync()).input.head;
    });

    it("is drawn in as the training side does", () => {
        const moves = DrawnIn(head.means, head.opacity, outline);
        const wanted = new Int16Array(Uint8Array.from(atob(fixture.moves), (c) => c.charCodeAt(0)).buffer);
        let worst = 0;
        wanted.forEach((value, k) => {
            const at = 3 * fixture.every * Math.floor(k / 3) + (k % 3);
            worst = Math.max(worst, Math.abs(moves[at] - value / 100000));
        });
        expect(wanted.length).toBe(3 * Math.ceil(head.opacity.length / fixture.every));
        expect(worst).toBeLessThan(0.0002);
    });

    it("keeps its face and its depth, and is within the matte where the photo shows it, down to the jaw", () => {
        const { camera, matte, inside, size } = outline;
        const moves = DrawnIn(head.means, head.opacity, outline);
        const outside = (means: ArrayLike<number>): number => {
            const seen = ToCamera(camera, means);
            let count = 0;
            for (let i = 0; i < head.opacity.length; i++) {
                const u = 0.5 - (camera.focal * seen[3 * i]) / seen[3 * i + 2];
                const v = 0.5 + (camera.focal * seen[3 * i + 1]) / seen[3 * i + 2];
                const at = Math.floor(v * size) * size + Math.floor(u * size);
                count += Number(head.means[3 * i + 1] > -0.03 && inside[at] === 1 && matte[at] < 0.1);
            }
            return count;
        };
        const [before, after] = [outside(head.means), outside(head.means.map((value, k) => value + moves[k]))];
        expect(before).toBeGreaterThan(30);
        expect(after).toBeLessThan(0.1 * before);
        const was = ToCamera(camera, head.means);
        const is = ToCamera(
            camera,
            head.means.map((value, k) => value + moves[k]),
        );
        for (let i = 0; i < head.opacity.length; i++) {
            expect(Math.abs(was[3 * i + 2] - is[3 * i + 2])).toBeLessThan(1e-6);
            const [x, y, z] = head.means.subarray(3 * i, 3 * i + 3);
            if (z > 0.04 && Math.hypot(x, y) < 0.03) {
                expect(moves.subarray(3 * i, 3 * i + 3).every((value) => Math.abs(value) < 1e-9)).toBe(true);
            }
        }
    });

    it("stays where the matte reaches farther than the head, or is too far in to be its outline", () => {
        const all = { ...outline, matte: outline.matte.map(() => 1) };
        expect(DrawnIn(head.means, head.opacity, all).every((value) => value === 0)).toBe(true);
        const none = { ...outline, matte: outline.matte.map(() => 0) };
        expect(DrawnIn(head.means, head.opacity, none).every((value) => value === 0)).toBe(true);
        const nowhere = { ...outline, inside: outline.inside.map(() => 0) };
        expect(DrawnIn(head.means, head.opacity, nowhere).every((value) => value === 0)).toBe(true);
    });

    it("moves in its map, in places alone", async () => {
        const model = await OpenHeadAsync();
        const table = TexelTableOf(model, 64);
        const map = Float32Array.from({ length: 14 * 64 * 64 }, (_, i) => (Math.floor(i / 4096) === 3 ? 2 : 0));
        const was = BustHeadOf(model, table, map);
        const moves = DrawnIn(was.means, was.opacity, outline);
        DrawInHead(model, table, map, outline);
        const is = BustHeadOf(model, table, map);
        expect(Math.max(...is.means.map((value, k) => Math.abs(value - was.means[k] - moves[k])))).toBeLessThan(1e-6);
        expect(Math.max(...moves)).toBeGreaterThan(0.002);
        expect(map.subarray(3 * 4096).every((value, i) => value === (i < 4096 ? 2 : 0))).toBe(true);
    });
});
