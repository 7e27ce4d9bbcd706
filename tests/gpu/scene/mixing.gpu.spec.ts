// An avatar among other meshes: what covers what, who is drawn where.
import { RawTexture } from "@babylonjs/core/Materials/Textures/rawTexture";
import { Texture } from "@babylonjs/core/Materials/Textures/texture";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { FreeCamera } from "@babylonjs/core/Cameras/freeCamera";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import { CreatePlane } from "@babylonjs/core/Meshes/Builders/planeBuilder";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import { AddBox, CanvasPx, ColorAt } from "../../support/stage";
import {
    Compare,
    ExpectAlike,
    ExpectColor,
    Lit,
    MakeSolid,
    PixelOf,
    ShootAsync,
    type Rgb,
} from "../../support/pictures";
import { ShareStage } from "../../support/sharedStage";

const avatarColor: Rgb = [200, 120, 60];
const Middle: [number, number] = [CanvasPx / 2, CanvasPx / 2];

/** An unlit sheet that faces the camera, 6 cm wide. */
function AddSheet(
    stage: ReturnType<typeof ShareStage>,
    name: string,
    color: Color3,
    position: Vector3,
): [Mesh, StandardMaterial] {
    const sheet = CreatePlane(name, { size: 0.06 }, stage.scene);
    sheet.position.copyFrom(position);
    const material = new StandardMaterial(name, stage.scene);
    material.emissiveColor = color;
    material.disableLighting = true;
    material.backFaceCulling = false;
    sheet.material = material;
    return [sheet, material];
}

describe("an avatar among meshes", () => {
    const stage = ShareStage(MakeSolid(avatarColor));

    it("is hidden by the full texels of an alpha-tested mesh, is seen through its holes, and covers it from before", async () => {
        // Left texel (x < 0 of the sheet) is a hole, the right one is full.
        const holes = RawTexture.CreateRGBATexture(
            new Uint8Array([255, 255, 255, 0, 255, 255, 255, 255]),
            2,
            1,
            stage.scene,
            false,
            false,
            Texture.NEAREST_SAMPLINGMODE,
        );
        holes.hasAlpha = true;
        const places = {
            before: new Vector3(0, 0, 0.2),
            behind: new Vector3(0, 0, -0.2),
            beside: new Vector3(0.2, 0, -0.2),
        };
        for (const [name, place] of Object.entries(places)) {
            const [, material] = AddSheet(stage, name, new Color3(0, 0, 1), place);
            material.diffuseTexture = holes;
            material.diffuseColor = Color3.Black();
        }
        const pixels = await ShootAsync(stage);
        const at = (place: Vector3, x: number): [number, number] => PixelOf(stage, place.add(new Vector3(x, 0, 0)));
        const sides = [-0.015, 0.015].map((x) => ColorAt(pixels, ...at(places.before, x)).join());
        expect(sides.sort()).toEqual([avatarColor.join(), "0,0,255"].sort());
        // The sheet behind the head is nowhere; the one beside it is, with its hole.
        const beside = [-0.015, 0.015].map((x) => ColorAt(pixels, ...at(places.beside, x)).join());
        expect(beside.sort()).toEqual(["0,0,0", "0,0,255"]);
        ExpectColor(pixels, [Middle[0], Middle[1] + 25], avatarColor, 2, "below the sheets");
    });

    it("shines through an alpha-blended mesh before it and covers one behind it", async () => {
        const before = new Vector3(0.02, 0, 0.2);
        for (const [name, color, place] of [
            ["before", new Color3(0, 1, 0), before],
            ["behind", new Color3(0, 0, 1), new Vector3(-0.03, 0, -0.2)],
        ] as const) {
            AddSheet(stage, name, color, place)[1].alpha = 0.5;
        }
        const pixels = await ShootAsync(stage);
        ExpectColor(pixels, PixelOf(stage, before), [100, 187, 30], 3, "through the sheet");
        ExpectColor(pixels, PixelOf(stage, new Vector3(-0.03, 0, 0.09)), avatarColor, 2, "over the sheet");
        // The order changes with the camera: seen from behind, the blue sheet is before the head.
        stage.camera.position.z = -0.6;
        stage.camera.setTarget(Vector3.Zero());
        const back = await ShootAsync(stage);
        ExpectColor(back, PixelOf(stage, new Vector3(-0.03, 0, -0.2)), [100, 60, 157], 4, "through the other sheet");
    });

    it("writes no depth: a blended mesh behind it that is drawn later shines over it", async () => {
        const place = new Vector3(0, 0, -0.2);
        AddSheet(stage, "behind", new Color3(0, 0, 1), place)[1].alpha = 0.5;
        const alphaIndex = stage.avatar.splatMesh.alphaIndex;
        ExpectColor(await ShootAsync(stage), Middle, avatarColor, 2, "drawn before");
        stage.avatar.splatMesh.alphaIndex = 0;
        ExpectColor(await ShootAsync(stage), Middle, [100, 60, 157], 3, "drawn later");
        stage.avatar.splatMesh.alphaIndex = alphaIndex;
    });

    it("shows to cameras whose layer mask meets its own", async () => {
        const { avatar, camera, scene } = stage;
        const second = new FreeCamera("second", camera.position.clone(), scene);
        second.setTarget(Vector3.Zero());
        second.fov = camera.fov;
        second.minZ = camera.minZ;
        camera.viewport = new Viewport(0, 0, 0.5, 1);
        second.viewport = new Viewport(0.5, 0, 0.5, 1);
        scene.activeCameras = [camera, second];
        avatar.layerMask = 0x10000000;
        second.layerMask = 0x10000000;
        const pixels = await ShootAsync(stage);
        expect(ColorAt(pixels, CanvasPx / 4, CanvasPx / 2)).toEqual([0, 0, 0]);
        ExpectColor(pixels, [(3 * CanvasPx) / 4, CanvasPx / 2], avatarColor);
    });

    it("obeys rendering groups: a later group is drawn over everything, unless depth is kept", async () => {
        const { avatar, scene } = stage;
        AddBox(scene, "near", new Color3(0, 0, 1), 0.03, new Vector3(0, 0, 0.2));
        ExpectColor(await ShootAsync(stage), Middle, [0, 0, 255], 0, "same group");
        avatar.renderingGroupId = 1;
        ExpectColor(await ShootAsync(stage), Middle, avatarColor, 2, "later group");
        scene.setRenderingAutoClearDepthStencil(1, false);
        ExpectColor(await ShootAsync(stage), Middle, [0, 0, 255], 0, "later group, depth kept");
        scene.setRenderingAutoClearDepthStencil(1, true);
    });

    it("is not drawn while it is disabled or its mesh is invisible", async () => {
        const { avatar } = stage;
        expect(Lit(await ShootAsync(stage))).toBeGreaterThan(1000);
        avatar.setEnabled(false);
        expect(Lit(await ShootAsync(stage))).toBe(0);
        avatar.setEnabled(true);
        avatar.splatMesh.isVisible = false;
        expect(Lit(await ShootAsync(stage))).toBe(0);
    });

    it("fades with visibility, from all to nothing", async () => {
        const { avatar } = stage;
        const seen: number[] = [];
        for (const visibility of [1, 0.2, 0.05, 0]) {
            avatar.visibility = visibility;
            seen.push(ColorAt(await ShootAsync(stage), ...Middle)[0]);
        }
        expect(seen[0]).toBe(avatarColor[0]);
        expect(seen[1]).toBeLessThan(seen[0]);
        expect(seen[2]).toBeLessThan(seen[1]);
        expect(seen[3]).toBe(0);
    });

    const multi = ShareStage(MakeSolid(avatarColor), { samples: 4 });

    it("looks at four samples as at one, and the edge of a mesh before it is smooth", async () => {
        for (const { scene } of [stage, multi]) {
            AddBox(scene, "near", new Color3(0, 0, 1), 0.05, new Vector3(0.01, 0, 0.2)).rotation.z = 0.3;
        }
        const [one, four] = [await ShootAsync(stage), await ShootAsync(multi)];
        expect([stage.engine.currentSampleCount, multi.engine.currentSampleCount]).toEqual([1, 4]);
        // Only pixels on edges differ, and those are mixtures of what is on either side.
        ExpectAlike(four, one, 3, 0.1);
        const mixed = Compare(four, one, 20).different;
        expect(mixed).toBeGreaterThan(20);
        for (let y = 0; y < CanvasPx; y++) {
            for (let x = 0; x < CanvasPx; x++) {
                const [r, g, b] = ColorAt(four, x, y);
                // Between blue and the avatar's color, or between black and one of them: never brighter than a mixture
                // can be.
                expect(r / avatarColor[0] + b / 255)
                    .withContext(`${x}, ${y}: ${r}, ${g}, ${b}`)
                    .toBeLessThan(1.3);
            }
        }
    });
});
