// Gaussians of a file on a character: neck and head stay, what is below and shoulders go.
import { FindNeckRing } from "../../../../src/plugin/attach/neckRing";
import { FeatherSplats } from "../../../../src/plugin/attach/splatFeather";
import { PlacementOf } from "../../../../src/runtime/splats/placement";
import { ReadSplatsAsync } from "../../../../src/runtime/splats/readSplats";
import { BuildSplatHead } from "../../../../src/runtime/splats/splatHead";
import { OpenHeadAsync } from "../../../support/heads";

describe("FeatherSplats", () => {
    it("keeps skin and hair, and cuts what is below the neck or beside it", async () => {
        const head = await OpenHeadAsync();
        const ring = FindNeckRing(head, head.template);
        const at = (vertex: number): number[] => [...head.template.subarray(3 * vertex, 3 * vertex + 3)];
        const rim = [0, 1, 2].map(
            (axis) => ring.vertices.reduce((sum, v) => sum + at(v)[axis], 0) / ring.vertices.length,
        );
        const skin = Array.from(ring.distance.keys()).filter((v) => ring.distance[v] < Infinity);
        // Skin all around that lies well over the rim: chin, jaw and the lowest of the neck that is not faded.
        const over = skin.filter((v) => at(v)[1] > rim[1] + 0.06).sort((a, b) => at(a)[1] - at(b)[1]);
        const kept = [...over.slice(0, 100).map(at), [rim[0] + 0.12, rim[1] + 0.2, rim[2]]];
        const cut = [
            [rim[0], rim[1] - 0.03, rim[2]],
            [rim[0] + 0.18, rim[1] - 0.02, rim[2]],
            [rim[0] + 0.14, rim[1] + 0.04, rim[2]], // shoulder
            [rim[0] - 0.13, rim[1] + 0.03, rim[2] - 0.02],
        ];
        const bytes = new Uint8Array(32 * (kept.length + cut.length));
        const view = new DataView(bytes.buffer);
        [...kept, ...cut].forEach((place, i) => {
            place.forEach((value, k) => view.setFloat32(32 * i + 4 * k, value, true));
            [12, 16, 20].forEach((offset) => view.setFloat32(32 * i + offset, 0.004, true));
            // Of those that are cut, the color is red.
            bytes.set([i < kept.length ? 100 : 255, 100, 100, 250, 255, 128, 128, 128], 32 * i + 24);
        });
        const [, , , neckX, neckY, neckZ] = head.joints;
        const splats = BuildSplatHead(
            await ReadSplatsAsync(bytes),
            head,
            PlacementOf(head, { neck: [neckX, neckY, neckZ] }),
        );
        const map = FeatherSplats(splats, ring, head.template, 0.025);
        const texels = splats.table.mapSize ** 2;
        const wrong = Array.from(splats.table.texel).filter((t) => {
            const isCut = map[4 * texels + t] > 0.9;
            const change = map[3 * texels + t] - splats.map[3 * texels + t];
            return isCut ? change > -5 : change < -0.2;
        });
        expect(splats.table.gaussianCount).toBe(kept.length + cut.length);
        expect(wrong).toEqual([]);
    });
});
