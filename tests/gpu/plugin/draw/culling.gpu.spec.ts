// What looks away is left out of an opaque avatar's draw, and of no other, unless the user says so.
import { Plane } from "@babylonjs/core/Maths/math.plane";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { DrawArgsLayout } from "../../../../src/runtime/layout";
import { ReadBuffer } from "../../../support/gpu";
import { AddAvatarAsync, CaptureAsync, CreateStageAsync, MakeSynthetic, type IStage } from "../../../support/stage";

/** Opacity of trained networks. */
const OpaqueLogit = 4;

describe("the far side of an avatar", () => {
    let stage: IStage;
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    /** Gaussians drawn in the next frame. */
    async function DrawnAsync(avatar: FlexAvatar): Promise<number> {
        await CaptureAsync(stage);
        const [{ buffers }] = avatar.splatMesh["_views"].all;
        const args = new Uint32Array(await ReadBuffer(buffers.device, buffers.drawArgs));
        return args[DrawArgsLayout.offsets.visibleCount / 4];
    }

    async function AddTurnedAsync(isOpaque: boolean): Promise<FlexAvatar> {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const texels = synthetic.staticMap.length / 14;
        if (isOpaque) {
            synthetic.staticMap.fill(OpaqueLogit, 3 * texels, 4 * texels);
        }
        const avatar = await AddAvatarAsync(stage, synthetic);
        avatar.rotation.y = Math.PI; // the synthetic head is a mask: from behind all of it looks away
        return avatar;
    }

    it("is left out where the avatar is opaque and wholly visible, and kept on demand", async () => {
        const avatar = await AddTurnedAsync(true);
        const drawn = await DrawnAsync(avatar);
        avatar.cullBackFaces = false;
        const all = await DrawnAsync(avatar);
        expect(drawn).toBeLessThan(0.7 * all); // the scalp is two-sided
        avatar.cullBackFaces = "auto";
        expect(await DrawnAsync(avatar)).toBe(drawn);
        avatar.visibility = 0.9;
        expect(await DrawnAsync(avatar))
            .withContext("of a faded avatar")
            .toBe(all);
        avatar.visibility = 1;
        stage.scene.clipPlane = new Plane(0, 0, 1, -100); // cuts nothing, but might
        expect(await DrawnAsync(avatar))
            .withContext("where a plane may cut it open")
            .toBe(all);
        stage.scene.clipPlane = null;
        avatar.rotation.y = 0;
        expect(await DrawnAsync(avatar))
            .withContext("from the front")
            .toBeGreaterThan(0.95 * all);
    });

    it("is kept where the avatar is translucent, and left out on demand", async () => {
        const avatar = await AddTurnedAsync(false);
        const all = await DrawnAsync(avatar);
        avatar.cullBackFaces = true;
        expect(await DrawnAsync(avatar)).toBeLessThan(0.7 * all);
    });
});
