/** Files: a head out of any format, beside the one from the photo, and back into any format. */
import { FlexAvatarComponent, type FlexAvatar, type SplatFormat } from "babylon-flexavatar";
import { AddPersonAsync, EyeHeight, FlexAvatarUrl, ShowAsync } from "../shared/stage";

await ShowAsync(async ({ scene, camera, panel }) => {
    camera.radius = 2.1;
    camera.target.y -= 0.07;
    const component = FlexAvatarComponent.GetOrCreate(scene, { assetsUrl: FlexAvatarUrl });
    const person = await AddPersonAsync(component, panel);
    person.position.x = 0.26; // the camera looks at faces, so the left of the picture is +X
    let opened: FlexAvatar | null = null;

    async function openAsync(file: Blob, name: string): Promise<void> {
        const settings = { name, onProgress: panel.showProgress };
        const avatar = name.endsWith(".flexavatar")
            ? await component.loadAsync(file, settings)
            : await component.loadSplatsAsync(file, settings);
        opened?.dispose();
        opened = avatar;
        opened.position.set(-0.26, EyeHeight, 0);
        panel.say(`${name}: ${(file.size / 1e6).toFixed(1)} MB, ${avatar.gaussianCount} Gaussians.`);
    }

    async function writeAsync(format: SplatFormat | "flexavatar"): Promise<Blob> {
        const avatar = opened ?? person;
        const bytes = format === "flexavatar" ? await avatar.saveAsync() : await avatar.exportSplatsAsync(format);
        return new Blob([bytes]);
    }

    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
        event.preventDefault();
        const [file] = event.dataTransfer?.files ?? [];
        if (file) {
            openAsync(file, file.name).catch((error: unknown) => panel.showError(error));
        }
    });
    panel.addFiles("Open a file", ".flexavatar,.ply,.splat,.spz,.zip", ([file]) => openAsync(file, file.name));
    for (const format of ["flexavatar", "ply", "splat", "spz", "glb"] as const) {
        panel.addButton(`Save .${format}`, async () => {
            const href = URL.createObjectURL(await writeAsync(format));
            Object.assign(document.createElement("a"), { href, download: `head.${format}` }).click();
            setTimeout(() => URL.revokeObjectURL(href), 10_000);
        });
    }
    panel.addSlider("Turn the head", [-1, 1], 0, (value) => {
        component.avatars.forEach(({ neck }) => (neck.rotation.y = value));
    });
    await person.whenRefinedAsync(); // the photo's own detail, hair and shoulders
    await openAsync(await writeAsync("spz"), "head.spz");
});
