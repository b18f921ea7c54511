from app.auth.application import create_app
from app.auth.settings import AuthSettings
from app.common.server import main

if __name__ == "__main__":
    main("auth", AuthSettings, create_app)
