/** Two eyes: a stereo rig shows what a headset shows; where there is one, WebXR enters it. */
import { Camera } from "@babylonjs/core/Cameras/camera";
import { TargetCamera } from "@babylonjs/core/Cameras/targetCamera";
import { Vector3 } from "@babylonjs/core/Maths/math.vector";
import { Viewport } from "@babylonjs/core/Maths/math.viewport";
import { FlexAvatarComponent } from "babylon-flexavatar";
import { AddPersonAsync, AssetsUrl, FlexAvatarUrl, LoadClipAsync, ShowAsync } from "../shared/stage";

await ShowAsync(async ({ scene, camera, panel }) => {
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const avatar = await AddPersonAsync(component, panel);
    avatar.bindAnimationGroup(await LoadClipAsync(`${AssetsUrl}phrase.glb`, scene)).start(true);
    camera.radius = 1.1;
    camera.target.y -= 0.04;

    // As in WebXR, the eyes are rig cameras with parallel axes. Nothing is to be set up for the avatar, and both eyes
    // share one sort.
    const eyes = [-1, 1].map((side) => {
        const eye = new TargetCamera(side < 0 ? "left eye" : "right eye", Vector3.Zero(), scene, false);
        eye.isRigCamera = true;
        eye.rigParent = camera;
        eye.fovMode = Camera.FOVMODE_HORIZONTAL_FIXED;
        return eye;
    });
    const distance = panel.addSlider("Distance of the eyes, mm", [0, 120], 64, () => undefined);
    const crossed = panel.addSwitch("For eyes that cross", false, () => undefined);
    scene.onBeforeRenderObservable.add(() => {
        eyes.forEach((eye, index) => {
            const aside = camera.getDirection(Vector3.Right()).scale(((index - 0.5) * Number(distance.value)) / 1000);
            eye.position.copyFrom(camera.position).addInPlace(aside);
            eye.setTarget(camera.target.add(aside));
            eye.viewport = new Viewport((index === 0) === crossed.checked ? 0.5 : 0, 0, 0.5, 1);
        });
    });
    const both = panel.addSwitch("Two eyes", true, show);
    function show(): void {
        camera.cameraRigMode = both.checked ? Camera.RIG_MODE_CUSTOM : Camera.RIG_MODE_NONE;
        camera.rigCameras.splice(0, 2, ...(both.checked ? eyes : []));
    }
    show();

    const hasHeadset = (await navigator.xr?.isSessionSupported("immersive-vr").catch(() => false)) ?? false;
    panel.say(
        hasHeadset ? "There is a headset: enter it with the button." : "No headset here, so the eyes are side by side.",
    );
    if (hasHeadset) {
        panel.addButton("Enter the headset", async () => {
            const { WebXRDefaultExperience } = await import("@babylonjs/core/XR/webXRDefaultExperience");
            const { baseExperience } = await WebXRDefaultExperience.CreateAsync(scene, { disableDefaultUI: true });
            await baseExperience.enterXRAsync("immersive-vr", "local-floor"); // the avatar stands at eye height
        });
    }
});
