; Inno Setup: an installer for Windows from the folder that PyInstaller made (dist\gmic-viewer).
;   iscc packaging\installer\gmic-viewer.iss

#define Name "GMIC Viewer"
#define Version "0.1.0"

[Setup]
AppId={{6C0C8F0E-6C1B-4B35-9A66-0B9C3C0C6D51}
AppName={#Name}
AppVersion={#Version}
AppComments=Research use only - not for diagnosis
DefaultDirName={autopf}\{#Name}
DefaultGroupName={#Name}
LicenseFile=..\..\LICENSE
OutputDir=..\..\dist
OutputBaseFilename=gmic-viewer-{#Version}-setup
Compression=lzma2
SolidCompression=yes
ArchitecturesAllowed=x64compatible
ArchitecturesInstallIn64BitMode=x64compatible
; no administrator needed: hospital PCs rarely give one
PrivilegesRequired=lowest
PrivilegesRequiredOverridesAllowed=dialog
ChangesEnvironment=yes

[Files]
Source: "..\..\dist\gmic-viewer\*"; DestDir: "{app}"; Flags: recursesubdirs ignoreversion

[Icons]
Name: "{group}\{#Name}"; Filename: "{app}\gmic-viewer.exe"
Name: "{autodesktop}\{#Name}"; Filename: "{app}\gmic-viewer.exe"; Tasks: desktopicon

[Tasks]
Name: desktopicon; Description: "Create a desktop shortcut"

[Run]
Filename: "{app}\gmic-viewer.exe"; Description: "Start {#Name}"; Flags: nowait postinstall skipifsilent
