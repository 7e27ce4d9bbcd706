// Hair of an avatar on a character: the bust is gone, hair is drawn before and behind the character's body, and casts
// shadows and is hit on it.
import "@babylonjs/core/Culling/ray";
import "@babylonjs/core/Lights/Shadows/shadowGeneratorSceneComponent";
import { DirectionalLight } from "@babylonjs/core/Lights/directionalLight";
import { ShadowGenerator } from "@babylonjs/core/Lights/Shadows/shadowGenerator";
import { StandardMaterial } from "@babylonjs/core/Materials/standardMaterial";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { CreateBox } from "@babylonjs/core/Meshes/Builders/boxBuilder";
import { CreatePlane } from "@babylonjs/core/Meshes/Builders/planeBuilder";
import type { Mesh } from "@babylonjs/core/Meshes/mesh";
import { TransformNode } from "@babylonjs/core/Meshes/transformNode";
import type { FlexAvatar } from "../../../../src/plugin/avatar/flexAvatar";
import { BustColor, GivePage, HairColor, MakePageMap } from "../../../support/gridPage";
import {
    AddAvatarAsync,
    CanvasPx,
    CaptureAsync,
    CreateStageAsync,
    MakeSynthetic,
    PixelsAsync,
    RenderFrame,
    type IStage,
} from "../../../support/stage";
import { PixelOf } from "../../../support/pictures";

const Red = [255, 0, 0] as const;

/** Where the color of a picture is nearest to. */
function NameOf(pixels: ArrayLike<number>, [x, y]: readonly number[]): string {
    const at = 4 * (y * CanvasPx + x);
    const known = {
        nothing: [0, 0, 0],
        body: Red,
        glass: [0, 255, 0],
        hair: HairColor.map((value) => 255 * value),
        bust: BustColor.map((value) => 255 * value),
    };
    const farness = (color: readonly number[]): number =>
        Math.hypot(...color.map((value, c) => value - pixels[at + c]));
    return Object.entries(known).sort(([, a], [, b]) => farness(a) - farness(b))[0][0];
}

describe("hair over a character", () => {
    let stage: IStage;
    let avatar: FlexAvatar;
    let body: Mesh;
    let neck: TransformNode;

    /** A box as a body, from the chest up between the curtain of hair, and an avatar whose own head shows nothing. */
    beforeEach(async () => {
        stage = await CreateStageAsync();
        const synthetic = MakeSynthetic();
        const texels = synthetic.table.mapSize ** 2;
        synthetic.staticMap.fill(-12, 3 * texels, 4 * texels);
        avatar = await AddAvatarAsync(stage, synthetic);
        GivePage(avatar, MakePageMap(synthetic.model));
        body = CreateBox("body", { width: 0.1, height: 0.3, depth: 0.06 }, stage.scene);
        const paint = new StandardMaterial("paint", stage.scene);
        paint.disableLighting = true;
        paint.emissiveColor = Color3.FromInts(...Red);
        body.material = paint;
        neck = new TransformNode("neck", stage.scene);
        neck.parent = body;
        body.position.set(0.02, -0.1, 0);
        neck.position.set(-0.02, 0.1, 0);
        avatar.attachToCharacter(body, neck);
        stage.camera.position.set(0, 0, 1.1);
        stage.camera.setTarget(Vector3.Zero());
    });
    afterEach(() => {
        expect(stage.errors).toEqual([]);
        stage.dispose();
    });

    const pixelsAsync = async (): Promise<Uint8ClampedArray> => PixelsAsync(await CaptureAsync(stage));
    /** From −Z or +Z of the avatar. */
    const lookFrom = (z: number): void => {
        stage.camera.position.set(0, 0, z);
        stage.camera.setTarget(Vector3.Zero());
    };
    const Back = new Vector3(0.02, -0.03, -0.088); // the curtain behind the body
    const Side = new Vector3(0.105, 0.02, -0.02);

    it("loses its bust, stays in sight beside and above the body, and is behind it or before it as the camera goes around", async () => {
        let pixels = await pixelsAsync();
        expect([avatar.bust, NameOf(pixels, PixelOf(stage, new Vector3(0.1, -0.22, 0)))]).toEqual(["auto", "nothing"]);
        expect(
            [Back, Side, new Vector3(0.02, 0.07, -0.088)].map((point) => NameOf(pixels, PixelOf(stage, point))),
        ).toEqual(["body", "hair", "hair"]);
        lookFrom(-1.1);
        pixels = await pixelsAsync();
        expect([Back, Side].map((point) => NameOf(pixels, PixelOf(stage, point)))).toEqual(["hair", "hair"]);
        expect(NameOf(pixels, PixelOf(stage, new Vector3(0.02, -0.18, 0)))).toBe("body");
        // The character turns about itself: hair goes with it and before the body.
        lookFrom(1.1);
        body.rotation.y = Math.PI;
        pixels = await pixelsAsync();
        expect(NameOf(pixels, PixelOf(stage, new Vector3(0.02, -0.03, 0.088)))).toBe("hair");
    });

    it("gets its bust back when the head is taken off", async () => {
        const tie = avatar.attachToCharacter(body, neck);
        tie.dispose();
        const pixels = await pixelsAsync();
        expect(NameOf(pixels, PixelOf(stage, new Vector3(0.1, -0.22, 0)))).toBe("bust");
    });

    it("is covered by glass before it and shows before glass behind it", async () => {
        lookFrom(-1.1);
        const glass = CreatePlane("glass", { size: 0.6, sideOrientation: 2 }, stage.scene);
        const paint = new StandardMaterial("glass", stage.scene);
        paint.disableLighting = true;
        paint.emissiveColor = new Color3(0, 1, 0);
        paint.alpha = 0.9;
        glass.material = paint;
        glass.position.z = -0.4;
        expect(NameOf(await pixelsAsync(), PixelOf(stage, Back))).toBe("glass");
        glass.position.z = 0.4;
        const pixels = await pixelsAsync();
        expect([
            NameOf(pixels, PixelOf(stage, Back)),
            NameOf(pixels, PixelOf(stage, new Vector3(0.25, 0.2, 0.4))),
        ]).toEqual(["hair", "glass"]);
    });

    it("is hit by rays with its region, while the bust is not, and casts a shadow", async () => {
        lookFrom(-1.1);
        RenderFrame(stage);
        const hit = stage.scene.pick(...PixelOf(stage, Back));
        expect(avatar.regionOf(hit)?.region).toBe("hair");
        expect(stage.scene.pick(...PixelOf(stage, new Vector3(0.1, -0.22, 0))).hit).toBeFalse();

        const wall = CreatePlane("wall", { size: 4, sideOrientation: 2 }, stage.scene);
        const paint = new StandardMaterial("wall", stage.scene);
        paint.diffuseColor = Color3.White();
        paint.specularColor = Color3.Black();
        wall.material = paint;
        wall.position.z = 0.4;
        wall.receiveShadows = true;
        const light = new DirectionalLight("sun", new Vector3(0.6, 0, 1), stage.scene);
        light.position = new Vector3(-0.6, 0, -1);
        light.autoCalcShadowZBounds = true;
        const shadows = new ShadowGenerator(256, light);
        shadows.addShadowCaster(avatar.proxyMesh);
        body.isVisible = false;
        avatar.splatMesh.isVisible = false; // the wall alone is looked at
        const dark = async (): Promise<number> => {
            const pixels = await pixelsAsync();
            return Array.from({ length: CanvasPx * CanvasPx }, (_, i) => Number(pixels[4 * i] < 20)).reduce(
                (a, b) => a + b,
                0,
            );
        };
        const withHair = await dark();
        avatar.hair = "scalp";
        const without = await dark();
        console.log(`shadow: ${withHair} pixels with hair, ${without} without`);
        expect(withHair).toBeGreaterThan(without + 150);
    });
});
