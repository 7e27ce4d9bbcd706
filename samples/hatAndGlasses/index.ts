/** Hat and glasses: meshes on nodes that follow this person's skin; a click says what part was hit. */
import "@babylonjs/core/Culling/ray";
import { PointerEventTypes } from "@babylonjs/core/Events/pointerEvents";
import { Color3 } from "@babylonjs/core/Maths/math.color";
import { CreateDisc } from "@babylonjs/core/Meshes/Builders/discBuilder";
import { Mesh } from "@babylonjs/core/Meshes/mesh";
import { FlexAvatarComponent } from "babylon-flexavatar";
import { AddPersonAsync, AssetsUrl, CreatePaint, FlexAvatarUrl, LoadClipAsync, ShowAsync } from "../shared/stage";
import { CreateGlasses, CreateHat } from "./props";

await ShowAsync(async ({ scene, camera, shadows, panel }) => {
    [camera.alpha, camera.beta, camera.radius] = [Math.PI / 2 + 0.3, 1.5, 1.15];
    camera.target.y += 0.04;
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const avatar = await AddPersonAsync(component, panel);
    avatar.bindAnimationGroup(await LoadClipAsync(`${AssetsUrl}phrase.glb`, scene)).start(true);

    // Named places of the skin, in the head's axes: +Y up, +Z out of the face.
    const hat = CreateHat(scene);
    hat.parent = avatar.attachToSurface("crown");
    const glasses = CreateGlasses(scene);
    glasses.parent = avatar.attachToSurface("noseBridge");
    panel.addSwitch("Hat", true, (on) => hat.setEnabled(on));
    panel.addSwitch("Glasses", true, (on) => glasses.setEnabled(on));

    // Hat and glasses are ordinary meshes: they cast shadows, and splats take them as a tint.
    shadows.addShadowCaster(hat);
    shadows.addShadowCaster(glasses);
    avatar.splatMesh.receiveShadows = true;
    panel.addSwitch("Shadows", true, (on) => (avatar.splatMesh.receiveShadows = on));

    // What a ray hits is the posed surface of this person. A place of the atlas holds a sticker there.
    const paint = CreatePaint(scene, "sticker", new Color3(0.95, 0.3, 0.25), 0.1);
    const stickers: Mesh[] = [];
    scene.onPointerObservable.add(({ pickInfo }) => {
        const region = pickInfo && avatar.regionOf(pickInfo);
        if (!region) {
            panel.say(pickInfo?.hit ? `That is the ${pickInfo.pickedMesh!.name}.` : "Click the head.");
            return;
        }
        const sticker = CreateDisc("sticker", { radius: 0.006, sideOrientation: Mesh.DOUBLESIDE }, scene);
        sticker.parent = avatar.attachToSurface(region.uv, { axes: "surface" });
        sticker.position.z = 0.003; // out of the skin
        sticker.material = paint;
        stickers.push(sticker);
        panel.say(`${region.region}\natlas ${region.uv.u.toFixed(3)}, ${region.uv.v.toFixed(3)}`);
    }, PointerEventTypes.POINTERTAP);
    panel.addButton("Take the stickers off", () => stickers.splice(0).forEach(({ parent }) => parent!.dispose()));
    panel.say("Click the head: a sticker stays there.");
});
