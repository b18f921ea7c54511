from app.common.server import main
from app.tasks.application import create_app
from app.tasks.settings import TaskSettings

if __name__ == "__main__":
    main("tasks", TaskSettings, create_app)
