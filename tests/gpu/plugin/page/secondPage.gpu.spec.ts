// Hair beyond the scalp, and bust: a second map drawn with the head, in one order, posed by the same joints.
import { Plane } from "@babylonjs/core/Maths/math.plane";
import { Matrix, Quaternion, Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Ray } from "@babylonjs/core/Culling/ray";
import { EffectivePose } from "../../../../src/flame/expression";
import { ShellFlags } from "../../../../src/flame/pageModel";
import { JointMatrices } from "../../../../src/flame/skinning";
import { RegionShift } from "../../../../src/flame/texelTable";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import type { AvatarPage } from "../../../../src/plugin/page/avatarPage";
import { Psnr } from "../../../support/gpu";
import { CrowdPicture, DrawnRgbAsync, HeadMember, PoseOf } from "../../../support/referencePicture";
import { MakeSolid } from "../../../support/pictures";
import { GivePage, MakePageMap } from "../../../support/gridPage";
import {
    AddAvatarAsync,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    RenderFrame,
    type IStage,
} from "../../../support/stage";

const synthetic = MakeSynthetic();
const second = MakePageMap(synthetic.model);

function SetPage(avatar: FlexAvatar): void {
    GivePage(avatar, second);
}

describe("a second page of an avatar", () => {
    let stage: IStage;
    let ada: FlexAvatar;
    beforeEach(async () => {
        stage = await CreateStageAsync();
        stage.camera.position.set(0.3, 0.05, 0.9);
        stage.camera.setTarget(new Vector3(0, -0.08, 0));
        ada = await AddAvatarAsync(stage, synthetic);
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    const PictureAsync = (): Promise<number[]> => DrawnRgbAsync(stage);

    /** What the reference makes of head and page in one list. */
    function Reference(avatars: readonly FlexAvatar[], parts: readonly string[] = ["hair", "bust"]): number[] {
        const { model } = synthetic;
        const { page, map } = second;
        const table = { ...second.table, flags: ShellFlags(page.model, second.table, map) };
        const shown = map.slice();
        table.flags.forEach((flags, g) => {
            shown[3 * table.mapSize ** 2 + table.texel[g]] += parts.includes(page.model.regions[flags >>> RegionShift])
                ? 0
                : -40;
        });
        const members = avatars.flatMap((avatar) => {
            const head = HeadMember(avatar, synthetic);
            const joints = EffectivePose(model, PoseOf(avatar, synthetic), new Float32Array(15));
            const state = {
                table,
                expressed: page.model.template,
                jointMatrices: JointMatrices(joints, model.joints, new Float32Array(60)),
                staticMap: shown,
                deltas: [],
                opacity: avatar.visibility,
            };
            return [head, { state, worldFromPosed: head.worldFromPosed }];
        });
        return CrowdPicture(stage, members);
    }

    it("is drawn with the head in one order as the reference has it, turned, half transparent, in part and not at all", async () => {
        const without = await PictureAsync();
        SetPage(ada);
        ada.neck.rotation.set(0.1, 0.9, -0.1);
        ada.expression.getTarget(1).influence = 0.7; // expressions turn joints too
        ada.torso.rotation.set(0.1, -0.2, 0.15);
        ada.torso.position.y = 0.02;
        for (const [what, parts, prepare] of [
            ["all", ["hair", "bust"], () => undefined],
            ["hair", ["hair"], () => (ada.bust = "none")],
            ["head", [], () => (ada.hair = "scalp")],
            ["bust, half transparent", ["bust"], () => Object.assign(ada, { bust: "auto", visibility: 0.5 })],
        ] as const) {
            prepare();
            const psnr = Psnr(await PictureAsync(), Reference([ada], parts));
            console.log(`${what}: PSNR ${psnr.toFixed(1)} dB`);
            expect(psnr).withContext(what).toBeGreaterThan(45);
        }
        expect(Psnr(await PictureAsync(), Reference([ada], ["hair", "bust"]))).toBeLessThan(35);
        await ada.setSecondMapAsync(null);
        expect([ada.hasSecondMap, ada.gaussianCount]).toEqual([false, synthetic.table.gaussianCount]);
        ada.resetPose();
        ada.visibility = 1;
        expect(await PictureAsync()).toEqual(without);
    });

    it("stays at the shoulders while the head turns, and moves as a whole with the torso", async () => {
        SetPage(ada);
        const { mapSize } = second.page;
        const placeOf = (part: string): { u: number; v: number; page: 2 } => {
            const index = second.page.model.regions.indexOf(part);
            // The topmost texel of the part.
            const texel = Math.min(...second.table.texel.filter((_, g) => second.table.flags[g] >>> 8 === index));
            return {
                u: ((texel % mapSize) + 0.5) / mapSize,
                v: 1 - (Math.floor(texel / mapSize) + 0.5) / mapSize,
                page: 2,
            };
        };
        const [shoulder, hair, nose] = [
            ada.attachToSurface(placeOf("bust")),
            ada.attachToSurface(placeOf("hair"), { axes: "surface" }),
            ada.attachToSurface({ u: 0.5, v: 0.6 }),
        ];
        const places = (): Vector3[] =>
            [shoulder, hair, nose].map((node) => (node.computeWorldMatrix(true), node.getAbsolutePosition().clone()));
        const rest = places();
        for (const turn of [-Math.PI / 3, Math.PI / 3]) {
            ada.neck.rotation.y = turn;
            RenderFrame(stage);
            const moved = places().map((place, i) => place.subtract(rest[i]).length());
            expect(moved[0]).toBeLessThan(1e-6);
            expect(moved[1]).toBeGreaterThan(0.02);
            expect(moved[2]).toBeGreaterThan(0.02);
            // What the GPU skins with: the torso's joint stands still.
            const { posedMatrices } = ada._internals.secondPage!.splats!.buffers;
            expect(Array.from(posedMatrices.subarray(0, 12))).toEqual([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
            expect(Array.from(posedMatrices.subarray(12, 24))).toEqual(
                Array.from(ada._internals.splats!.buffers.posedMatrices.subarray(12, 24)),
            );
        }
        ada.neck.rotation.y = 0;
        RenderFrame(stage);
        const { driverRuns } = ada.counts;
        ada.torso.position.set(0, 0.01, 0);
        RenderFrame(stage);
        places().forEach((place, i) =>
            expect(
                place
                    .subtract(rest[i])
                    .subtract(new Vector3(0, 0.01, 0))
                    .length(),
            ).toBeLessThan(1e-6),
        );
        ada.torso.position.setAll(0);
        ada.torso.rotation.x = 0.3;
        RenderFrame(stage);
        const chest = new Vector3(
            -synthetic.model.joints[0],
            synthetic.model.joints[1] - 0.18,
            synthetic.model.joints[2],
        );
        const turn = Quaternion.RotationAxis(Vector3.Right(), 0.3).toRotationMatrix(new Matrix());
        places().forEach((place, i) => {
            const wanted = Vector3.TransformCoordinates(rest[i].subtract(chest), turn).add(chest);
            expect(place.subtract(wanted).length()).toBeLessThan(1e-5);
        });
        expect(ada.counts.driverRuns).toBe(driverRuns); // breathing costs no network
    });

    it("leaves out what hair and bust hide, which is looked for in slices once the first frame is out", async () => {
        const { parts } = ada["_core"];
        const head = Uint8Array.from({ length: synthetic.table.gaussianCount }, (_, g) => Number(g % 3 === 0));
        const neck = head.map((_, g) => Number(g % 5 === 0));
        const both = head.map((hidden, g) => hidden | neck[g]);
        const page = Uint8Array.from({ length: second.table.gaussianCount }, (_, g) => Number(g % 2 === 0));
        const looks = spyOn(parts.page as never, "_coverFor" as never).and.callFake(function* () {
            yield 0.5;
            return { head, neck, page };
        } as never);
        SetPage(ada);
        const whole = ada.gaussianCount;
        await stage.scene.whenReadyAsync();
        RenderFrame(stage);
        expect([looks.calls.count(), parts.page.covered, ada.gaussianCount]).toEqual([0, null, whole]);
        RenderFrame(stage);
        while (parts.page.covered === null) {
            await new Promise((resolve) => setTimeout(resolve, 5));
        }
        expect(looks).toHaveBeenCalledTimes(1);
        const covered = parts.page.covered;
        expect(covered).toEqual(both);
        expect(parts.page.covered).toBe(covered); // not made again each frame
        // Of the texels that show something, those that are not hidden.
        const first = 3 * second.table.mapSize ** 2;
        const seen = (g: number): boolean => second.map[first + second.table.texel[g]] > -5;
        const left = Array.from(page).filter((isHidden, g) => isHidden === 0 && seen(g)).length;
        expect(ada.gaussianCount).toBe(synthetic.table.gaussianCount + left);
        RenderFrame(stage);
        expect(ada._internals.splats!.buffers["_person"].covered).toBe(covered);
        ada.hair = "scalp";
        expect(parts.page.covered).toBe(neck);
        ada.bust = "none";
        expect(parts.page.covered).toBeNull();
        ada.hair = "auto";
        expect(parts.page.covered).toBe(head);
        ada.bust = "auto";
        await ada.setSecondMapAsync(null);
        expect(parts.page.covered).toBeNull();
        expect(ada.gaussianCount).toBe(synthetic.table.gaussianCount);
    });

    it("costs an avatar without it nothing, and gives all back", async () => {
        const { scene } = stage;
        RenderFrame(stage);
        const state = (): unknown[] => [
            stage.component.statistics.gpuBytes,
            stage.component.statistics.gaussians,
            ada.splatMesh["_members"].length,
            scene.meshes.length,
            scene.transformNodes.length,
            ada.gpuByteLength,
        ];
        await CaptureAsync(stage);
        const before = state();
        expect(ada._internals.secondPage).toBeNull();
        SetPage(ada);
        await CaptureAsync(stage);
        expect(stage.component.statistics.gpuBytes).toBeGreaterThan(before[0] as number);
        expect(ada.gpuByteLength).toBeGreaterThan(before[5] as number);
        // Only texels that show something are Gaussians.
        const seen = Array.from(second.table.texel).filter(
            (t) => second.map[3 * second.table.mapSize ** 2 + t] > -5.5,
        ).length;
        expect(seen).toBeLessThan(second.table.gaussianCount);
        expect(ada.gaussianCount).toBe(synthetic.table.gaussianCount + seen);
        const created = spyOn(GPUDevice.prototype, "createBuffer").and.callThrough();
        const destroyed = spyOn(GPUBuffer.prototype, "destroy").and.callThrough();
        SetPage(ada); // replaced by an equal one
        await CaptureAsync(stage);
        expect(destroyed.calls.count()).toBe(created.calls.count());
        await ada.setSecondMapAsync(null);
        await CaptureAsync(stage);
        expect(state()).toEqual(before);
        ada.bust = "none";
        ada.hair = "scalp";
        SetPage(ada); // all hidden
        await CaptureAsync(stage);
        expect(ada.gaussianCount).toBe(synthetic.table.gaussianCount);
        expect(stage.component.statistics.gpuBytes).toBe(before[0] as number);
        expect(() => (ada.bust = "some" as "auto")).toThrowError(/bust/);
    });

    it("costs no more dispatches than an avatar more would, none while nothing moves, and creates nothing once warm", async () => {
        SetPage(ada);
        await CaptureAsync(stage);
        const created = [spyOn(GPUDevice.prototype, "createBuffer"), spyOn(GPUDevice.prototype, "createBindGroup")].map(
            (spy) => spy.and.callThrough(),
        );
        const dispatches = spyOn(GPUComputePassEncoder.prototype, "dispatchWorkgroups").and.callThrough();
        ada.neck.rotation.y = 0.2;
        RenderFrame(stage);
        const withPage = dispatches.calls.count();
        dispatches.calls.reset();
        RenderFrame(stage);
        expect(dispatches.calls.count()).toBe(0);
        created.forEach((spy) => expect(spy).not.toHaveBeenCalled());
        await ada.setSecondMapAsync(null);
        await CaptureAsync(stage);
        dispatches.calls.reset();
        ada.neck.rotation.y = 0.3;
        RenderFrame(stage);
        expect(withPage - dispatches.calls.count()).toBe(1); // its projection; its vertices are posed once for all
    });

    it("is shared by instances, each with its own pose and parts, in a crowd", async () => {
        SetPage(ada);
        const { gpuBytes } = stage.component.statistics;
        const bob = ada.createInstance("bob");
        expect(bob.hasSecondMap).toBeTrue();
        // Joints and vertices of its own, not its map.
        const { model } = second.page;
        const ofHead =
            40 * synthetic.table.flags.filter((flags) => (flags & 1) !== 0).length +
            16 * synthetic.model.vertexCount +
            512;
        expect(stage.component.statistics.gpuBytes - gpuBytes).toBeLessThan(ofHead + 16 * model.vertexCount + 2048);
        bob.position.set(0.12, 0, -0.15);
        bob.neck.rotation.y = -0.8;
        bob.torso.rotation.z = 0.2;
        const psnr = Psnr(await PictureAsync(), Reference([ada, bob]));
        console.log(`crowd: PSNR ${psnr.toFixed(1)} dB`);
        expect(psnr).toBeGreaterThan(45);
        bob.bust = "none";
        const eve = bob.createInstance("eve");
        expect([eve.bust, eve.gaussianCount, ada.gaussianCount > bob.gaussianCount]).toEqual([
            "none",
            bob.gaussianCount,
            true,
        ]);
        const alone = bob.gaussianCount;
        ada.dispose();
        expect(bob.gaussianCount).toBe(alone);
        await CaptureAsync(stage);
        await eve.setSecondMapAsync(null);
        expect([bob.hasSecondMap, bob.splatMesh["_members"].length]).toEqual([false, 2]);
    });

    it("goes to the mesh of another group or mask, out of the scene and back with its avatar", async () => {
        SetPage(ada);
        const first = ada.splatMesh;
        expect(first["_members"].length).toBe(2);
        ada.renderingGroupId = 1;
        expect([first.isDisposed(), ada.splatMesh["_members"].length]).toEqual([true, 2]);
        ada.layerMask = 0x10000000;
        expect([
            ada.splatMesh["_members"].length,
            stage.scene.meshes.filter((mesh) => mesh.getClassName() === "FlexAvatarSplatMesh").length,
        ]).toEqual([2, 1]);
        const black = await PictureAsync();
        expect(Math.max(...black)).toBe(0); // the camera does not see that layer
        ada.layerMask = 0x0fffffff;
        const shown = await PictureAsync();
        ada._internals.setShown(false);
        ada.hair = "scalp"; // in a container options may change
        ada.hair = "auto";
        expect(stage.scene.meshes.filter((mesh) => mesh.getClassName() === "FlexAvatarSplatMesh").length).toBe(0);
        ada._internals.setShown(true);
        expect(await PictureAsync()).toEqual(shown);
        ada.setEnabled(false);
        expect(Math.max(...(await PictureAsync()))).toBe(0);
    });

    it("has a level of detail by its own spacing, bounds around what is seen, and a place in the frustum", async () => {
        SetPage(ada);
        const { buffers } = ada._internals.secondPage!.splats!;
        expect(buffers.head.levels.spacing).toBeGreaterThan(0.004);
        expect(buffers.head.levels.spacing).toBeLessThan(0.03);
        const { min, max } = buffers.bounds;
        const size = [0, 1, 2].map((axis) => max[axis] - min[axis]);
        size.forEach((meters) => expect(meters).toBeLessThan(0.55));
        expect(min[1]).toBeLessThan(-0.29);
        // The head is above the picture, the bust in it.
        stage.camera.position.set(0, -0.4, 0.5);
        stage.camera.setTarget(new Vector3(0, -0.4, 0));
        expect(Math.max(...(await PictureAsync()))).toBeGreaterThan(0.3);
        stage.camera.position.set(0, 0, 12);
        stage.camera.setTarget(Vector3.Zero());
        await CaptureAsync(stage);
        await new Promise((resolve) => setTimeout(resolve, 300)); // levels are faded
        await CaptureAsync(stage);
        const [view] = ada.splatMesh["_views"].all;
        expect(view.members.map(({ level }) => level)).toEqual([2, 2]);
        ada.levelOfDetail = 1;
        await CaptureAsync(stage);
        await new Promise((resolve) => setTimeout(resolve, 300));
        await CaptureAsync(stage);
        expect(view.members.map(({ level }) => level)).toEqual([1, 1]);
    });

    it("is hit by rays, told by region, and where rays hit things can be hung", () => {
        SetPage(ada);
        const hitFrom = (x: number, y: number): ReturnType<FlexAvatar["regionOf"]> => {
            const info = stage.scene.pickWithRay(new Ray(new Vector3(x, y, -1), new Vector3(0, 0, 1), 3));
            return info ? ada.regionOf(info) : null;
        };
        expect([hitFrom(0.02, -0.2)?.region, hitFrom(0.02, 0.05)?.region]).toEqual(["bust", "hair"]);
        const hit = hitFrom(0.02, -0.2)!;
        expect(hit.uv.page).toBe(2);
        const node = ada.attachToSurface(hit.uv);
        expect(node.parent).toBe(ada.torso);
        node.computeWorldMatrix(true);
        expect(Math.hypot(node.getAbsolutePosition().x - 0.02, node.getAbsolutePosition().y + 0.2)).toBeLessThan(0.003);
        ada.bust = "none";
        expect([hitFrom(0.02, -0.25), hitFrom(0.02, 0.05)?.region]).toEqual([null, "hair"]);
        ada.hair = "scalp";
        expect(hitFrom(0.02, 0.05)?.region).not.toBe("hair");
        expect(() => (ada["_core"].parts.page.set(null), ada.attachToSurface(hit.uv))).toThrowError(/no second page/);
    });

    it("is culled from behind as the head is: where that is closed and wholly seen, or where the user says so", async () => {
        const solid = await AddAvatarAsync(stage, MakeSolid([200, 150, 100]), { name: "solid" });
        [ada, solid].forEach(SetPage);
        const pageOf = (avatar: FlexAvatar): AvatarPage => avatar._internals.secondPage as AvatarPage;
        const culls = (avatar: FlexAvatar): boolean => pageOf(avatar).cullBackFaces;
        expect([culls(ada), culls(solid), pageOf(solid).cullHidden]).toEqual([false, true, false]);
        solid.visibility = 0.9;
        expect(culls(solid)).toBeFalse();
        solid.visibility = 1;
        stage.scene.clipPlane = new Plane(0, 1, 0, 0);
        expect(culls(solid)).toBeFalse();
        stage.scene.clipPlane = null;
        solid.cullBackFaces = false;
        ada.cullBackFaces = true;
        expect([culls(ada), culls(solid)]).toEqual([true, false]);
    });

    it("is left alone by detail, and is frozen with the head", async () => {
        SetPage(ada);
        const { person } = ada["_core"].parts;
        const texels = synthetic.table.mapSize ** 2;
        const before = await PictureAsync();
        person.setDetail(new Float32Array(3 * texels).fill(0.2), 0);
        const refined = await PictureAsync();
        expect(refined).not.toEqual(before);
        expect(ada["_core"].parts.page.map).toEqual(SetInvisible());
        ada.detailStrength = 0;
        expect(await PictureAsync()).toEqual(before);
        ada.detailStrength = 1;
        ada.unrefine();
        expect(await PictureAsync()).toEqual(before);
        ada.torso.rotation.y = 0.4;
        const frozen = await ada.toGaussianSplattingMeshAsync();
        const headAlone = Array.from(synthetic.table.texel).filter(
            (t) => synthetic.staticMap[3 * texels + t] > -5.53,
        ).length;
        expect(frozen.splatsData!.byteLength / 32).toBe(headAlone + ada.gaussianCount - synthetic.table.gaussianCount);
        expect(frozen.rotationQuaternion!.toEulerAngles().y).toBeCloseTo(0.4, 4);
        frozen.dispose();
    });

    /** The map as the person keeps it: texels without a face show nothing. */
    function SetInvisible(): Float32Array {
        return second.map.map((value, i) => {
            const texel = i - 3 * second.table.mapSize ** 2;
            return texel >= 0 && texel < second.table.mapSize ** 2 && second.table.gaussianOfTexel[texel] < 0
                ? -12
                : value;
        });
    }
});
